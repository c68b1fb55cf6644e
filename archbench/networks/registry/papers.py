"""The papers that the shelf's networks come from."""

from archbench.networks.registry.records import Paper

ALEXNET = Paper(
    "Krizhevsky et al.",
    "A. Krizhevsky, I. Sutskever, G. Hinton",
    "ImageNet Classification with Deep Convolutional Neural Networks",
    "NeurIPS 2012",
    2012,
)
MAXOUT = Paper(
    "Goodfellow et al.",
    "I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville, Y. Bengio",
    "Maxout Networks",
    "arXiv:1302.4389",
    2013,
)
NETWORK_IN_NETWORK = Paper(
    "Lin et al.", "M. Lin, Q. Chen, S. Yan", "Network In Network", "arXiv:1312.4400", 2013
)
ONE_WEIRD_TRICK = Paper(
    "Krizhevsky",
    "A. Krizhevsky",
    "One weird trick for parallelizing convolutional neural networks",
    "arXiv:1404.5997",
    2014,
)
VERY_DEEP = Paper(
    "Simonyan and Zisserman",
    "K. Simonyan, A. Zisserman",
    "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    "arXiv:1409.1556",
    2014,
)
GOING_DEEPER = Paper(
    "Szegedy et al.",
    "C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, "
    "A. Rabinovich",
    "Going Deeper with Convolutions",
    "arXiv:1409.4842",
    2014,
)
DEEPLY_SUPERVISED = Paper(
    "Lee et al.",
    "C.-Y. Lee, S. Xie, P. Gallagher, Z. Zhang, Z. Tu",
    "Deeply-Supervised Nets",
    "arXiv:1409.5185",
    2014,
)
FITNETS = Paper(
    "Romero et al.",
    "A. Romero, N. Ballas, S. Ebrahimi Kahou, A. Chassang, C. Gatta, Y. Bengio",
    "FitNets: Hints for Thin Deep Nets",
    "arXiv:1412.6550",
    2014,
)
RECTIFIERS = Paper(
    "He et al.",
    "K. He, X. Zhang, S. Ren, J. Sun",
    "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification",
    "arXiv:1502.01852",
    2015,
)
BATCH_NORM = Paper(
    "Ioffe and Szegedy",
    "S. Ioffe, C. Szegedy",
    "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    "arXiv:1502.03167",
    2015,
)
VERY_DEEP_TRAINING = Paper(
    "Srivastava et al.",
    "R. K. Srivastava, K. Greff, J. Schmidhuber",
    "Training Very Deep Networks",
    "arXiv:1507.06228",
    2015,
)
RETHINKING = Paper(
    "Szegedy et al.",
    "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
    "Rethinking the Inception Architecture for Computer Vision",
    "arXiv:1512.00567",
    2015,
)
RESIDUAL = Paper(
    "He et al.",
    "K. He, X. Zhang, S. Ren, J. Sun",
    "Deep Residual Learning for Image Recognition",
    "arXiv:1512.03385",
    2015,
)
INCEPTION_V4 = Paper(
    "Szegedy et al.",
    "C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi",
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "arXiv:1602.07261",
    2016,
)
IDENTITY = Paper(
    "He et al.",
    "K. He, X. Zhang, S. Ren, J. Sun",
    "Identity Mappings in Deep Residual Networks",
    "arXiv:1603.05027",
    2016,
)
