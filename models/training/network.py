"""The networks: RGB uint8 imagery in, logits at full resolution out.

A UNet on the first blocks of MobileNetV2 (Sandler et al. 2018). Everything in it is local, so that a network's answer
depends on a bounded neighbourhood of a pixel alone and chips can be stitched without a trace: total stride 16, nearest
up-sampling, zero padding, no pooling over the image, no attention, no instance norm. The head works at half resolution
and writes 2x2 pixels a cell (sub-pixel convolution, Shi et al. 2016).
"""

import functools

import torch
import torch.nn.functional as F
from torch import nn

STRIDE = 16
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


class Unet(nn.Module):
    """Encoder, three up-sampling steps with skips, and a sub-pixel head. uint8-valued float NCHW in, logits out."""

    def __init__(self, logits: int):
        super().__init__()
        self.encoder = Encoder()
        skips = [SKIPS[number] for number in sorted(SKIPS, reverse=True)]
        self.bridge = decoder_step(BLOCKS[-1][1], WIDTHS[0], 1)
        self.steps = nn.ModuleList(
            decoder_step(below + skip, width, 3) for below, skip, width in zip(WIDTHS, skips, WIDTHS[1:], strict=False)
        )
        self.head = convolution(WIDTHS[-1], 4 * logits, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.encoder((image - 128.0) * (1.0 / 128.0))
        x = self.bridge(features.pop())
        for step in self.steps:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = step(torch.cat([x, features.pop()], 1))
        return F.pixel_shuffle(self.head(x), 2)


FCN_WIDTH = 80


class Fcn(nn.Module):
    """A fully convolutional network in the manner of FCN-8s (Long et al. 2015), made for speed.

    The encoder of `Unet`; its features at strides 16, 8 and 4 are brought to one width and summed going up; the head
    writes 4x4 pixels a cell.
    """

    def __init__(self, logits: int):
        super().__init__()
        self.encoder = Encoder()
        self.lateral = nn.ModuleList(decoder_step(width, FCN_WIDTH, 1, relu=False) for width in (96, 32, 24))
        self.mix = decoder_step(FCN_WIDTH, FCN_WIDTH, 3, groups=FCN_WIDTH)
        self.head = convolution(FCN_WIDTH, 16 * logits, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        _, *features = self.encoder((image - 128.0) * (1.0 / 128.0))
        x = self.lateral[0](features.pop())
        for lateral in self.lateral[1:]:
            x = F.relu(F.interpolate(x, scale_factor=2, mode="nearest") + lateral(features.pop()))
        return F.pixel_shuffle(self.head(self.mix(x)), 4)


def decoder_step(inputs: int, outputs: int, kernel: int, groups: int = 1, relu: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, where wanted, ReLU."""
    layers = [convolution(inputs, outputs, kernel, groups=groups), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def load_encoder(network: nn.Module, path: str) -> None:
    """Takes MobileNetV2's convolutions from a safetensors file with torchvision's names and folded batch norms."""
    from safetensors.torch import load_file

    source = load_file(path)
    names = {"encoder.stem": "features.0.0", "encoder.blocks.0.depthwise": "features.1.conv.0.0"}
    names["encoder.blocks.0.project"] = "features.1.conv.1"
    for number in range(2, len(BLOCKS) + 1):
        for part, name in (("expand", "conv.0.0"), ("depthwise", "conv.1.0"), ("project", "conv.2")):
            names[f"encoder.blocks.{number - 1}.{part}"] = f"features.{number}.{name}"
    weights = {
        f"{name}.{leaf}": source[f"{other}.{leaf}"] for name, other in names.items() for leaf in ("weight", "bias")
    }
    take_weights(network, weights)


def take_weights(network: nn.Module, weights: dict) -> None:
    """Loads the weights that fit: from a network of other classes all but the head's, from a Unet into an Fcn the
    encoder. The rest stays as it was made."""
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | fitting)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """The same function, in place, without batch norms: each is folded into the convolution before it."""
    network.eval()
    for step in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        step[0] = torch.nn.utils.fusion.fuse_conv_bn_eval(step[0], step[1])
        step[1] = nn.Identity()
    return network


def unfold_batch_norms(network: nn.Module, images: torch.Tensor) -> None:
    """Makes the batch norms after folded convolutions normalise what they see on `images` and undo it at once: the
    network answers as before and can be trained further."""
    steps = [module for module in network.modules() if isinstance(module, nn.Sequential)]

    def adopt(norm: nn.BatchNorm2d, y: torch.Tensor) -> None:
        variance, mean = torch.var_mean(y, (0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)

    hooks = [step[0].register_forward_hook(lambda *seen, norm=step[1]: adopt(norm, seen[-1])) for step in steps]
    network.eval()
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()


@functools.cache
def receptive_field(architecture: type[nn.Module]) -> tuple[int, int, int, int]:
    """How far in pixels an output pixel looks to the left, top, right and bottom of itself.

    Gradients of a network with all its paths open: positive weights of sum one, so that nothing cancels and no
    activation leaves its linear part; the largest over all positions of the output pixel within the stride.
    """
    network = fold_batch_norms(architecture(1)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1 / max(1, parameter[0].numel()) if parameter.ndim > 1 else 0.001)
    centre, size = 12 * STRIDE, 25 * STRIDE
    image = torch.full((1, 3, size, size), 129.0, dtype=torch.float64, requires_grad=True)
    logits = network(image)[0, 0]
    reach = [0, 0, 0, 0]
    for at in range(centre, centre + STRIDE):
        (gradient,) = torch.autograd.grad(logits[at, at], image, retain_graph=True)
        seen = gradient[0].abs().sum(0) > 0
        rows, columns = seen.any(1).nonzero()[:, 0], seen.any(0).nonzero()[:, 0]
        found = (at - columns[0], at - rows[0], columns[-1] - at, rows[-1] - at)
        reach = [max(most, int(each)) for most, each in zip(reach, found, strict=True)]
    if max(reach) >= centre:
        raise ValueError("the network looks further than the test image reaches")
    return tuple(reach)


def halo(architecture: type[nn.Module]) -> int:
    """The halo that makes stitching exact: the receptive field rounded up to the stride, in model pixels."""
    return -(-max(receptive_field(architecture)) // STRIDE) * STRIDE
