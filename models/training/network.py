"""The network `landuse-unet`: RGB uint8 imagery in, class logits at full resolution out.

A UNet on the first blocks of MobileNetV2 (Sandler et al. 2018). Everything in it is local, so that a network's answer
depends on a bounded neighbourhood of a pixel alone and chips can be stitched without a trace: total stride 16, nearest
up-sampling, zero padding, no pooling over the image, no attention, no instance norm. The head works at half resolution
and writes 2x2 pixels a cell (sub-pixel convolution, Shi et al. 2016).
"""

import torch
import torch.nn.functional as F
from torch import nn

STRIDE = 16
CLASSES = ("other", "building", "road", "vegetation", "water")
# Expansion, output channels, stride of MobileNetV2's blocks 1..11; the last blocks are left out for the field's sake.
BLOCKS = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 24, 1),
    (6, 32, 2),
    (6, 32, 1),
    (6, 32, 1),
    (6, 64, 2),
    (6, 64, 1),
    (6, 64, 1),
    (6, 64, 1),
    (6, 96, 1),
)
# The block that goes to stride 16 pads before, the other strided convolutions after, as TensorFlow does: so the field
# is as wide to the left as to the right, and the halo (the field rounded up to the stride) 16 pixels smaller.
PADDED_BEFORE = 7
SKIPS = {1: 16, 3: 24, 6: 32}  # block -> channels, at strides 2, 4, 8
WIDTHS = (96, 64, 40, 24)  # decoder channels at strides 16, 8, 4, 2


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution with bias; zero padding is inside at stride 1 and `pad_stride_two`'s business at stride 2."""
    padding = (kernel - 1) // 2 if stride == 1 else 0
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)


def pad_stride_two(x: torch.Tensor, before: bool = False) -> torch.Tensor:
    """Zero padding of a 3x3 convolution of stride 2 on even sizes: one before, or one after (TensorFlow's SAME)."""
    return F.pad(x, (1, 0, 1, 0) if before else (0, 1, 0, 1))


class Block(nn.Module):
    """An inverted residual whose batch norms are already folded into its convolutions."""

    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int, before: bool):
        super().__init__()
        width = inputs * expansion
        self.expand = convolution(inputs, width, 1) if expansion > 1 else None
        self.depthwise = convolution(width, width, 3, stride, groups=width)
        self.project = convolution(width, outputs, 1)
        self.pad_before = before
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        if self.depthwise.stride[0] == 2:
            y = pad_stride_two(y, self.pad_before)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y


class Encoder(nn.Module):
    """MobileNetV2 up to stride 16: features at strides 2, 4, 8 and 16."""

    def __init__(self):
        super().__init__()
        self.stem = convolution(3, 32, 3, 2)
        blocks, channels = [], 32
        for number, (expansion, outputs, stride) in enumerate(BLOCKS, 1):
            blocks.append(Block(channels, expansion, outputs, stride, number == PADDED_BEFORE))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = F.relu6(self.stem(pad_stride_two(x)), inplace=True)
        features = []
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number in SKIPS:
                features.append(x)
        return [*features, x]


class LanduseUnet(nn.Module):
    """Encoder, three up-sampling steps with skips, and a sub-pixel head. uint8-valued float NCHW in, logits out."""

    def __init__(self, classes: int = len(CLASSES)):
        super().__init__()
        self.encoder = Encoder()
        skips = [SKIPS[number] for number in sorted(SKIPS, reverse=True)]
        self.bridge = decoder_step(BLOCKS[-1][1], WIDTHS[0], 1)
        self.steps = nn.ModuleList(
            decoder_step(below + skip, width, 3) for below, skip, width in zip(WIDTHS, skips, WIDTHS[1:], strict=False)
        )
        self.head = convolution(WIDTHS[-1], 4 * classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.encoder((image - 128.0) * (1.0 / 128.0))
        x = self.bridge(features.pop())
        for step in self.steps:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = step(torch.cat([x, features.pop()], 1))
        return F.pixel_shuffle(self.head(x), 2)


def decoder_step(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(convolution(inputs, outputs, kernel), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def load_encoder(network: LanduseUnet, path: str) -> None:
    """Takes MobileNetV2's convolutions from a safetensors file with torchvision's names and folded batch norms."""
    from safetensors.torch import load_file

    source = load_file(path)
    names = {"encoder.stem": "features.0.0", "encoder.blocks.0.depthwise": "features.1.conv.0.0"}
    names["encoder.blocks.0.project"] = "features.1.conv.1"
    for number in range(2, len(BLOCKS) + 1):
        for part, name in (("expand", "conv.0.0"), ("depthwise", "conv.1.0"), ("project", "conv.2")):
            names[f"encoder.blocks.{number - 1}.{part}"] = f"features.{number}.{name}"
    own = network.state_dict()
    for name, other in names.items():
        for leaf in ("weight", "bias"):
            own[f"{name}.{leaf}"].copy_(source[f"{other}.{leaf}"])


def fold_batch_norms(network: LanduseUnet) -> LanduseUnet:
    """The same function, in place, without batch norms: each is folded into the convolution before it."""
    network.eval()
    for parent in (network.bridge, *network.steps):
        parent[0] = torch.nn.utils.fusion.fuse_conv_bn_eval(parent[0], parent[1])
        parent[1] = nn.Identity()
    return network


def receptive_field() -> tuple[int, int, int, int]:
    """How far in pixels an output pixel looks to the left, top, right and bottom of itself, from the architecture.

    Walks from the output back to the input. `low` and `high` are the offsets of the cells seen, relative to the cell
    that holds the output pixel, at the present stride; the largest over all positions of the pixel within its cell.
    """
    low, high = field_of_path(len(SKIPS))
    for depth in range(len(SKIPS)):
        skip_low, skip_high = field_of_path(depth)
        low, high = min(low, skip_low), max(high, skip_high)
    return -low, -low, high, high


def field_of_path(depth: int) -> tuple[int, int]:
    """Least and largest offset over the path that goes down `depth` steps of the decoder and back up the encoder."""
    offsets = []
    for position in range(STRIDE):  # the answer repeats with the stride
        low = high = position // 2  # sub-pixel head: 2x2 pixels a cell
        decoder = 0
        while True:
            if decoder < len(SKIPS):
                low, high = low - 1, high + 1  # the 3x3 convolution after the concatenation
            if decoder == depth:
                break
            low, high = low // 2, high // 2  # nearest up-sampling
            decoder += 1
        last = len(BLOCKS) if depth == len(SKIPS) else sorted(SKIPS)[depth]
        for number in range(last, 0, -1):
            before = int(number == PADDED_BEFORE)
            strided = BLOCKS[number - 1][2] == 2
            low, high = (2 * low - before, 2 * high + 2 - before) if strided else (low - 1, high + 1)
        low, high = 2 * low, 2 * high + 2  # the stem
        offsets.append((low - position, high - position))
    return min(low for low, _ in offsets), max(high for _, high in offsets)
