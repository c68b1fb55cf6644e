"""The error rates that papers print, each with the conditions that it holds under.

The first of each network is the one that `archbench list` shows: the network alone and not in an
ensemble, from its own paper if that has any, with the fewest views of an image. Figures of
different conditions do not compare. Where a source prints accuracies, these are what is missing
to 100 %.
"""

from archbench.networks.registry.records import PublishedError as Error

VAL = "ImageNet 2012 val"
SUBSET = "ImageNet 2012 val, 48,238 images"  # without those on the blacklist
TEST = "ImageNet 2012 test"
C10 = "CIFAR-10 test"
C100 = "CIFAR-100 test"
ONE, TEN, TWELVE, MANY = "1 crop", "10 crops", "12 crops", "144 crops"
DENSE = "dense, several scales"
ONE_VIEW = "1 view"
PLAIN_VIEW = "1 view, no augmentation"  # in training

BN_PAPER = "arXiv:1502.03167, figure 4"
TABLE_3_V3 = "arXiv:1512.00567, Table 3"
TABLE_4_V3 = "arXiv:1512.00567, Table 4"
TABLE_5_V3 = "arXiv:1512.00567, Table 5"
TABLE_2_V4 = "arXiv:1602.07261, Table 2"
TABLE_3_V4 = "arXiv:1602.07261, Table 3"
TABLE_4_V4 = "arXiv:1602.07261, Table 4"
TABLE_5_V4 = "arXiv:1602.07261, Table 5"
TABLE_4_AAAI = "the same, AAAI 2017, Table 4"
TABLE_2_RES = "arXiv:1512.03385, Table 2"
TABLE_3_RES = "arXiv:1512.03385, Table 3"
TABLE_4_RES = "arXiv:1512.03385, Table 4"
TABLE_5_RES = "arXiv:1512.03385, Table 5"
TABLE_6_RES = "arXiv:1512.03385, Table 6"
IDENTITY_TABLE_4 = "arXiv:1603.05027, Table 4"
HIGHWAY_TABLE = "arXiv:1507.06228, Table 2"
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"
PRELU_NOTES = "arXiv:1502.01852, by notes on it"

_GOOGLENET = (
    Error(VAL, None, 10.07, ONE, 1, "arXiv:1409.4842, Table 3"),
    Error(VAL, None, 9.15, TEN, 1, "arXiv:1409.4842, Table 3"),
    Error(VAL, None, 7.89, MANY, 1, "arXiv:1409.4842, Table 3"),
    Error(VAL, None, 8.09, ONE, 7, "arXiv:1409.4842, Table 3"),
    Error(VAL, None, 7.62, TEN, 7, "arXiv:1409.4842, Table 3"),
    Error(VAL, None, 6.67, MANY, 7, "arXiv:1409.4842, Table 3"),
    Error(TEST, None, 6.67, MANY, 7, "arXiv:1409.4842, Table 2"),
)

# fmt: off
ERRORS: dict[str, tuple[Error, ...]] = {
    #     data  top-1  top-5  views  models  source
    "googlenet": _GOOGLENET,
    "googlenet-separable": _GOOGLENET,
    "googlenet-torchvision": (
        Error(VAL, 30.222, 10.47, ONE, 1, TORCHVISION),
    ),
    "bn-googlenet": (
        Error(SUBSET, 26.8, None, ONE, 1, TABLE_3_V3),
    ),
    "bn-inception": (
        Error(VAL, 25.2, 7.82, ONE, 1, BN_PAPER),
        Error(VAL, 21.99, 5.82, MANY, 1, BN_PAPER),
        Error(VAL, 20.1, 4.9, MANY, 6, BN_PAPER),
        Error(TEST, None, 4.82, MANY, 6, BN_PAPER),
    ),
    "inception-v2": (
        Error(SUBSET, 23.4, None, ONE, 1, TABLE_3_V3),
        Error(SUBSET, 23.1, 6.3, f"{ONE}, RMSProp", 1, TABLE_3_V3),
        Error(SUBSET, 22.8, 6.1, f"{ONE}, and label smoothing", 1, TABLE_3_V3),
        Error(SUBSET, 21.6, 5.8, f"{ONE}, and factorized 7×7", 1, TABLE_3_V3),
    ),
    "inception-v3": (
        Error(SUBSET, 21.2, 5.6, ONE, 1, TABLE_3_V3),
        Error(SUBSET, 19.47, 4.48, TWELVE, 1, TABLE_4_V3),
        Error(SUBSET, 18.77, 4.2, MANY, 1, TABLE_4_V3),
        Error(SUBSET, 17.2, 3.46, MANY, 4, TABLE_5_V3),
        Error(TEST, None, 3.58, MANY, 4, TABLE_5_V3),
        Error(VAL, 19.8, 4.6, TWELVE, 1, TABLE_3_V4),
        Error(VAL, 18.9, 4.3, MANY, 1, TABLE_4_V4),
        Error(VAL, 17.3, 3.6, MANY, 4, TABLE_4_AAAI),
        Error(VAL, 22.706, 6.55, ONE, 1, TORCHVISION),
    ),
    "inception-v4": (
        Error(SUBSET, 20.0, 5.0, ONE, 1, TABLE_2_V4),
        Error(VAL, 18.7, 4.2, TWELVE, 1, TABLE_3_V4),
        Error(VAL, 17.7, 3.8, MANY, 1, TABLE_4_V4),
        Error(VAL, 16.4, 3.1, f"{MANY}, 1 of the 4 models", 4, TABLE_4_AAAI),
        Error(TEST, None, 3.08, f"{MANY}, 1 of the 4 models", 4, TABLE_5_V4),
    ),
    "inception-resnet-v1": (
        Error(SUBSET, 21.3, 5.5, ONE, 1, TABLE_2_V4),
        Error(VAL, 19.8, 4.6, TWELVE, 1, TABLE_3_V4),
        Error(VAL, 18.8, 4.3, MANY, 1, TABLE_4_V4),
    ),
    "inception-resnet-v2": (
        Error(SUBSET, 19.9, 4.9, ONE, 1, TABLE_2_V4),
        Error(VAL, 18.7, 4.1, TWELVE, 1, TABLE_3_V4),
        Error(VAL, 17.8, 3.7, MANY, 1, TABLE_4_V4),
        Error(VAL, 16.4, 3.1, f"{MANY}, 3 of the 4 models", 4, TABLE_4_AAAI),
        Error(TEST, None, 3.08, f"{MANY}, 3 of the 4 models", 4, TABLE_5_V4),
    ),
    "alexnet": (
        Error(VAL, 40.7, 18.2, TEN, 1, "NeurIPS 2012, Table 2"),
        Error("ImageNet 2010 test", 39.0, 18.3, ONE, 1, "NeurIPS 2012, footnote"),
        Error("ImageNet 2010 test", 37.5, 17.0, TEN, 1, "NeurIPS 2012, Table 1"),
        Error(VAL, 38.1, 16.4, TEN, 5, "NeurIPS 2012, Table 2"),
        Error(TEST, None, 16.4, TEN, 5, "NeurIPS 2012, Table 2"),
    ),
    "alexnet-one-tower": (
        Error(VAL, 43.478, 20.934, ONE, 1, TORCHVISION),
    ),
    "vgg16": (
        Error(VAL, 25.6, 8.1, "dense, one scale", 1, "arXiv:1409.1556, Table 3"),
        Error(VAL, 24.8, 7.5, DENSE, 1, "arXiv:1409.1556, Table 4"),
        Error(VAL, 24.4, 7.2, f"{DENSE}, 150 crops", 1, "arXiv:1409.1556, Table 5"),
        Error(VAL, 28.07, 9.33, TEN, 1, TABLE_3_RES),
        Error(VAL, 28.408, 9.618, ONE, 1, TORCHVISION),
    ),
    "vgg19": (
        Error(VAL, 25.5, 8.0, "dense, one scale", 1, "arXiv:1409.1556, Table 3"),
        Error(VAL, 24.8, 7.5, DENSE, 1, "arXiv:1409.1556, Table 4"),
        Error(VAL, 24.4, 7.1, f"{DENSE}, 150 crops", 1, "arXiv:1409.1556, Table 5"),
        Error(VAL, 27.624, 9.124, ONE, 1, TORCHVISION),
    ),
    "prelu-net-a": (
        Error(VAL, 22.97, 6.28, DENSE, 1, PRELU_NOTES),
        Error(VAL, 24.02, 6.51, f"{DENSE}, ReLU", 1, PRELU_NOTES),
    ),
    "prelu-net-b": (
        Error(VAL, 22.85, 6.27, DENSE, 1, PRELU_NOTES),
    ),
    "prelu-net-c": (
        Error(VAL, 24.27, 7.38, TEN, 1, TABLE_3_RES),
        Error(VAL, 21.59, 5.71, DENSE, 1, TABLE_4_RES),
    ),
    "maxout": (
        Error(C10, 9.38, None, ONE_VIEW, 1, "arXiv:1302.4389"),
        Error(C10, 11.68, None, PLAIN_VIEW, 1, "arXiv:1302.4389"),
    ),
    "nin": (
        Error(C10, 8.81, None, ONE_VIEW, 1, "arXiv:1312.4400, Table 1"),
        Error(C10, 10.41, None, PLAIN_VIEW, 1, "arXiv:1312.4400, Table 1"),
    ),
    "dsn": (
        Error(C10, 8.22, None, ONE_VIEW, 1, "arXiv:1409.5185, first version"),
        Error(C10, 7.97, None, ONE_VIEW, 1, "the authors' release; arXiv:1507.06228, Table 3"),
    ),
    "fitnet4": (
        Error(C10, 8.39, None, ONE_VIEW, 1, "arXiv:1412.6550, Table 1"),
        Error(C100, 35.04, None, ONE_VIEW, 1, "arXiv:1412.6550, Table 2"),
    ),
    "highway19": (
        Error(C10, 7.6, None, f"{ONE_VIEW}, best of several", 1, "arXiv:1507.06228, Table 3"),
        Error(C10, 7.54, None, f"{ONE_VIEW}, best of 5, another head", 1, HIGHWAY_TABLE),
        Error(C10, 7.72, None, f"{ONE_VIEW}, mean of 5, another head", 1, HIGHWAY_TABLE),
    ),
    "highway32": (
        Error(C10, 8.8, None, f"{ONE_VIEW}, the authors' layout", 1, HIGHWAY_TABLE),
    ),
    "plain18": (
        Error(VAL, 27.94, None, TEN, 1, TABLE_2_RES),
    ),
    "plain34": (
        Error(VAL, 28.54, 10.02, TEN, 1, TABLE_3_RES),
    ),
    "resnet18": (
        Error(VAL, 27.88, None, TEN, 1, TABLE_2_RES),
    ),
    "resnet18-b": (
        Error(VAL, 30.242, 10.922, ONE, 1, TORCHVISION),
    ),
    "resnet34": (
        Error(VAL, 25.03, 7.76, TEN, 1, TABLE_3_RES),
    ),
    "resnet34-b": (
        Error(VAL, 24.52, 7.46, TEN, 1, TABLE_3_RES),
        Error(VAL, 21.84, 5.71, DENSE, 1, TABLE_4_RES),
        Error(VAL, 26.686, 8.58, ONE, 1, TORCHVISION),
    ),
    "resnet34-c": (
        Error(VAL, 24.19, 7.40, TEN, 1, TABLE_3_RES),
        Error(VAL, 21.53, 5.60, DENSE, 1, TABLE_4_RES),
    ),
    "resnet50": (
        Error(VAL, 22.85, 6.71, TEN, 1, TABLE_3_RES),
        Error(VAL, 20.74, 5.25, DENSE, 1, TABLE_4_RES),
    ),
    "resnet50-v1.5": (
        Error(VAL, 23.87, 7.138, ONE, 1, TORCHVISION),
    ),
    "resnet101": (
        Error(VAL, 21.75, 6.05, TEN, 1, TABLE_3_RES),
        Error(VAL, 19.87, 4.60, DENSE, 1, TABLE_4_RES),
    ),
    "resnet101-v1.5": (
        Error(VAL, 22.626, 6.454, ONE, 1, TORCHVISION),
    ),
    "resnet152": (
        Error(VAL, 21.43, 5.71, TEN, 1, TABLE_3_RES),
        Error(VAL, 19.38, 4.49, DENSE, 1, TABLE_4_RES),
        Error(TEST, None, 3.57, f"{DENSE}, 2 of the 6", 6, TABLE_5_RES),
    ),
    "resnet152-v1.5": (
        Error(VAL, 21.688, 5.954, ONE, 1, TORCHVISION),
    ),
    "resnet20": (
        Error(C10, 8.75, None, ONE_VIEW, 1, TABLE_6_RES),
    ),
    "resnet32": (
        Error(C10, 7.51, None, ONE_VIEW, 1, TABLE_6_RES),
    ),
    "resnet44": (
        Error(C10, 7.17, None, ONE_VIEW, 1, TABLE_6_RES),
    ),
    "resnet56": (
        Error(C10, 6.97, None, ONE_VIEW, 1, TABLE_6_RES),
    ),
    "resnet110": (
        Error(C10, 6.43, None, f"{ONE_VIEW}, best of 5", 1, TABLE_6_RES),
        Error(C10, 6.61, None, f"{ONE_VIEW}, mean of 5", 1, TABLE_6_RES),
    ),
    "resnet1202": (
        Error(C10, 7.93, None, ONE_VIEW, 1, TABLE_6_RES),
    ),
    "preact-resnet110": (
        Error(C10, 6.37, None, f"{ONE_VIEW}, median of 5", 1, "arXiv:1603.05027, Table 2"),
    ),
    "preact-resnet164": (
        Error(C10, 5.46, None, f"{ONE_VIEW}, median of 5", 1, "arXiv:1603.05027, Table 2"),
        Error(C100, 24.33, None, f"{ONE_VIEW}, median of 5", 1, IDENTITY_TABLE_4),
    ),
    "preact-resnet1001": (
        Error(C10, 4.92, None, f"{ONE_VIEW}, median of 5", 1, "arXiv:1603.05027, Table 3"),
        Error(C10, 4.62, None, f"{ONE_VIEW}, median of 5, batch 64", 1, IDENTITY_TABLE_4),
        Error(C100, 22.71, None, f"{ONE_VIEW}, median of 5", 1, IDENTITY_TABLE_4),
    ),
    "preact-resnet152": (
        Error(VAL, 21.1, 5.5, "1 crop of 320", 1, "arXiv:1603.05027, Table 5"),
    ),
    "preact-resnet200": (
        Error(VAL, 20.7, 5.3, "1 crop of 320", 1, "arXiv:1603.05027, Table 5"),
        Error(VAL, 20.1, 4.8, "1 crop of 320, more augmentation", 1, "arXiv:1603.05027, Table 5"),
        Error(VAL, 21.66, 5.79, ONE, 1, "fb.resnet.torch, pretrained models"),
    ),
}
# fmt: on
