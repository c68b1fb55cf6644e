"""How the papers and their authors' releases initialise, regularise and train the networks.

Rows of (what, how), from the paper where it says, else from the release that is named. What neither
says is left out. archbench builds networks initialised so and with these dropout rates; the rest is
for whoever trains them.
"""

Rows = tuple[tuple[str, str], ...]

GOOGLENET: Rows = (
    ("initialisation", "Caffe's xavier, uniform by fan-in; biases 0.2, in classifiers 0 (Caffe)"),
    ("dropout", "40 % before the classifier, 70 % in the auxiliary heads"),
    ("auxiliary loss", "weight 0.3 for each of two heads, on 4a and 4d; training only"),
    ("response norm", "5 channels, alpha 1e-4 / 5, beta 0.75, k 1; after pool1, before pool2"),
    ("pooling", "windows may hang over the edge (ceil), as in Caffe"),
    ("optimiser", "asynchronous SGD, momentum 0.9, rate -4 % every 8 epochs, averaged weights"),
    ("weight decay", "2e-4 (Caffe)"),
    ("published counts", "Table 1: weights without biases, K = 1024; operations are multiply-adds"),
)
GOOGLENET_TORCHVISION: Rows = (
    ("initialisation", "normal of deviation 0.01, cut at two (torchvision)"),
    ("dropout", "20 % before the classifier, 70 % in the auxiliary heads (torchvision)"),
    ("auxiliary loss", "weight 0.3 for each of two heads, on 4a and 4d; training only"),
    ("batch norm", "epsilon 0.001, with gamma"),
    ("pooling", "windows may hang over the edge (ceil); pool4 is 2×2"),
)
BN_GOOGLENET: Rows = (
    ("initialisation", "as googlenet's here; not published"),
    ("dropout", "40 % before the classifier, 70 % in the auxiliary heads, as googlenet's"),
    ("batch norm", "epsilon 0.001; no biases before it, no response norm"),
)
_BATCH_NORM = (
    "batch norm",
    "epsilon 0.001, decay 0.9997, no gamma in Google's code; with gamma here",
)
BN_INCEPTION: Rows = (
    ("initialisation", "cut normals as in TF-slim: by fan-in; 1.0 in the stem, 0.09 in reductions"),
    ("dropout", "none; 5 to 10 % in some members of the ensemble; 20 % in version=tf-slim"),
    _BATCH_NORM,
    ("label smoothing", "none"),
    ("optimiser", "SGD, batch 32, rate 0.0015 to 0.045"),
    ("weight decay", "a fifth of googlenet's; 4e-5 (TF-slim)"),
    ("separable stem", "depthwise 7×7/2 with multiplier 8, then 1×1; one layer of depth"),
    ("pooling", "maxima round up; averages count zeros at the border, but in version=tf-slim"),
    ("auxiliary head", "none in the figure or in any port"),
    ("published counts", "13.6M parameters in the text; 11.26M by the figure's filters"),
)
_DECAY = ("weight decay", "4e-5 (TF-slim)")
_RMSPROP = ("optimiser", "RMSProp, decay 0.9, epsilon 1.0; rate 0.045, × 0.94 every 2 epochs")
INCEPTION_V2: Rows = (
    ("initialisation", "normal, variance 2 / fan-in, cut at two deviations (TF-slim)"),
    ("dropout", "20 % before the classifier (TF-slim keeps 0.8)"),
    ("auxiliary loss", "one head on the last 17×17 module; weight 0.4 (TF-slim)"),
    ("label smoothing", "0.1 from Table 3's row of that name on"),
    ("stem", "Table 1's 3×3 three; by section 10 all but Table 3's last two rows had one 7×7"),
    ("published counts", "42 layers, 3.8 and 4.8 billion operations; no reconstruction has them"),
    ("average pooling", "zeros at the border count as pixels, as in inception-v3 here"),
    _BATCH_NORM,
    _DECAY,
    ("optimiser", "momentum 0.9 in the first row of Table 3; then RMSProp, gradients clipped at 2"),
)
INCEPTION_V3: Rows = (
    ("initialisation", "normal, variance 2 / fan-in, cut at two deviations (TF-slim)"),
    ("dropout", "20 % before the classifier (TF-slim keeps 0.8; torchvision drops 50 %)"),
    ("auxiliary loss", "one head on Mixed_6e, normalised; weight 0.4 (TF-slim)"),
    ("label smoothing", "0.1, to a uniform prior"),
    ("average pooling", "zeros at the border count as pixels (torchvision; not in TF-slim)"),
    _BATCH_NORM,
    _DECAY,
    _RMSPROP,
)
INCEPTION_V4: Rows = (
    ("initialisation", "normal, variance 2 / fan-in, cut at two deviations (TF-slim)"),
    ("dropout", "20 % before the classifier (keep 0.8)"),
    ("auxiliary loss", "none in the paper; TF-slim's head on the last 17×17 module, weight 0.4"),
    ("average pooling", "zeros at the border do not count"),
    _BATCH_NORM,
    _DECAY,
    _RMSPROP,
)
INCEPTION_RESNET: Rows = (
    ("initialisation", "as Inception-v4's here; TF-slim has no such network"),
    ("dropout", "20 % before the classifier (keep 0.8)"),
    ("residual scale", "0.1 to 0.3 (the paper); 0.17, 0.10 and 0.20 in A, B and C (TF-slim)"),
    ("projection", "1×1 to the sum's width, with a bias and without batch norm"),
    _BATCH_NORM,
    _DECAY,
    _RMSPROP,
)
INCEPTION_RESNET_V2: Rows = (
    ("initialisation", "uniform by fan-in and fan-out (TF-slim)"),
    ("dropout", "20 % before the classifier (keep 0.8)"),
    ("auxiliary loss", "none in the paper; TF-slim's head on the last 17×17 block, weight 0.4"),
    ("residual scale", "0.17, 0.10 and 0.20 in A, B and C; the last block 1, without a ReLU"),
    ("projection", "1×1 to the sum's width, with a bias and without batch norm"),
    ("average pooling", "zeros at the border do not count"),
    _BATCH_NORM,
    ("weight decay", "4e-5, on biases too (TF-slim)"),
    _RMSPROP,
)
ALEXNET: Rows = (
    ("initialisation", "normal, deviation 0.01; biases 1 in conv2, 4, 5, fc6 and fc7, else 0"),
    ("dropout", "50 % behind fc6 and fc7"),
    ("response norm", "5 channels, alpha 1e-4 for each, beta 0.75, k 2; after conv1 and conv2"),
    ("weight decay", "5e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 128, rate 0.01, / 10 three times, some 90 epochs"),
    ("published counts", "60 million parameters are 60.97 cut off"),
)
ONE_TOWER: Rows = (
    ("initialisation", "as alexnet's here; the author's file differs in conv3 to 5 and fc8"),
    ("dropout", "50 % in front of fc6 and fc7 (torchvision)"),
    ("response norm", "none (torchvision)"),
    ("weight decay", "5e-4"),
)
VGG: Rows = (
    ("initialisation", "uniform by fan-in and fan-out; biases 0. Published runs: from net A"),
    ("dropout", "50 % behind fc6 and fc7"),
    ("weight decay", "5e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 256, rate 0.01, / 10 three times, 74 epochs"),
    (
        "published counts",
        "He et al. print 15.3e9 for VGG-16, convolutions alone, and 19.6e9 for 19",
    ),
)
PRELU_NET: Rows = (
    ("initialisation", "normal, variance 2 / (1 + 0.25²) / fan-out; linear 0.01, 0.01, 0.001"),
    ("slopes", "0.25 at the start, no weight decay on them"),
    ("dropout", "50 % behind fc1 and fc2"),
    ("weight decay", "5e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 128, rate 0.01, / 10 twice, some 80 epochs"),
    ("pyramid pooling", "maxima in 7×7, 3×3, 2×2 and 1×1 bins that share the grid evenly"),
)
NIN: Rows = (
    ("initialisation", "normal, deviation 0.05; biases 0 (the authors' configuration)"),
    ("dropout", "50 % behind pool1 and pool2"),
    ("preprocessing", "global contrast normalisation and whitening"),
)
DSN: Rows = (
    ("initialisation", "normal, deviation 0.05; heads Caffe's xavier; biases 0 (the release)"),
    ("dropout", "50 % behind pool1 and pool2"),
    ("companion loss", "squared hinge on conv1, conv2 and conv3, before their ReLU; then without"),
    ("weight decay", "5e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 100, rate 0.025 (the release)"),
    ("preprocessing", "global contrast normalisation"),
)
MAXOUT: Rows = (
    ("initialisation", "uniform within 0.005; biases 0 (the authors' configuration)"),
    ("dropout", "20 % of the input (not rescaled there), 50 % before every other layer"),
    ("norm caps", "kernels 0.9, 1.9365, 1.9365; columns 1.9 and 1.9365"),
    ("optimiser", "SGD, momentum 0.5 to 0.65, batch 128, rate 0.17, falling"),
    ("preprocessing", "global contrast normalisation and whitening"),
)
FITNET: Rows = (
    ("initialisation", "uniform within 0.005; biases 0"),
    ("dropout", "none"),
    ("norm caps", "kernels 0.9; columns 1.9 and 1.9365"),
    ("optimiser", "RMSProp, decay 0.9, batch 128, rate 0.005"),
    ("published counts", "2.5M and 382M: weights without biases, two pieces in fc1"),
    ("distillation", "hint from the teacher's 2nd layer to the 11th, then temperature 3"),
)
HIGHWAY: Rows = (
    ("initialisation", "normal by fan-in, variance 2 / fan-in; conv1 and fc 0.05, as meant"),
    ("gate bias", "-2"),
    ("dropout", "20 % of the input, behind both pools and behind the average (the release)"),
    ("weight decay", "1e-3, ten times that in fc (the release)"),
    ("optimiser", "Nesterov, momentum 0.9, batch 100, rate 0.025 (the release)"),
)
HIGHWAY_32: Rows = (
    ("initialisation", "as highway19's; not published"),
    ("gate bias", "-2, as highway19's; not published"),
    ("dropout", "as highway19's; not published"),
)
RESNET: Rows = (
    ("initialisation", "normal, variance 2 / fan-out (reimplementations); fc bias 0"),
    ("dropout", "none"),
    ("batch norm", "after every convolution, before the ReLU; epsilon 1e-5"),
    ("pooling", "padded, as in torch; the authors' Caffe release rounds up instead: equal sizes"),
    ("weight decay", "1e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 256, rate 0.1, / 10 on plateaus"),
    ("published counts", "FLOPs are multiply-adds; 50 layers' 3.8e9 is cut off, not rounded"),
)
RESNET_CIFAR: Rows = (
    ("initialisation", "normal, variance 2 / fan-out (reimplementations); fc bias 0"),
    ("dropout", "none"),
    ("batch norm", "after every convolution, before the ReLU; epsilon 1e-5"),
    ("weight decay", "1e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 128, rate 0.1, / 10 at 32k and 48k of 64k steps"),
    ("published counts", "Table 6 counts batch norm's scale and shift as parameters"),
)
PREACT: Rows = (
    ("initialisation", "normal, variance 2 / fan-out; fc bias 0 (both releases)"),
    ("dropout", "none"),
    ("batch norm", "before every ReLU and convolution; none on projections"),
    ("weight decay", "1e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 256, rate 0.1, / 10 at epochs 30 and 60"),
)
PREACT_CIFAR: Rows = (
    ("initialisation", "normal, variance 2 / fan-out; fc bias 0 (both releases)"),
    ("dropout", "none"),
    ("batch norm", "before every ReLU and convolution; none on projections"),
    ("weight decay", "1e-4"),
    ("optimiser", "SGD, momentum 0.9, batch 128, rate 0.1 after 400 steps at 0.01"),
    ("published counts", "the 10.2M of 1001 layers leave batch norm's scale and shift out"),
)
MODULE: Rows = (("initialisation", "torch's own; the paper has no module by itself"),)
