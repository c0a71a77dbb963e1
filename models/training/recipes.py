"""What each shipped network is: its ground size, its classes, the places it learns from and how its crops are drawn."""

from dataclasses import dataclass, field

from torch import nn

from network import Fcn, Unet


@dataclass(frozen=True)
class Recipe:
    """A network to train. Shares are of the crops, by what a place labels, to each other."""

    name: str
    title: str
    description: str
    gsd_m: float
    gsd_range_m: tuple[float, float]
    """Ground sizes of scenes that the network is meant for."""
    classes: tuple[str, ...]
    architecture: type[nn.Module] = Unet
    planes: tuple[dict, ...] = ()
    """Probability planes of the output, as the manifest describes them; their logits are the network's, in order."""
    shares: dict[str, float] = field(default_factory=dict)
    generated_share: float = 0.0
    scale_deviation: float = 0.3
    """Standard deviation of the logarithm of a crop's ground size over `gsd_m`."""
    validation_kind: str = "full"
    """The kind of places whose score stands for the network."""

    @property
    def logits(self) -> int:
        """How many logits a pixel has: one a plane where there are planes, else one a class."""
        return len(self.planes) or len(self.classes)


LANDUSE = ("other", "building", "road", "vegetation", "water")
LANDUSE_UNET = Recipe(
    name="landuse-unet",
    title="Land use UNet",
    description="Land use and land cover from RGB imagery of about 1 m: other land, building, road, vegetation, water.",
    gsd_m=1.0,
    gsd_range_m=(0.5, 2.0),
    classes=LANDUSE,
    shares={"full": 0.6, "building-only": 0.32, "road-only": 0.08, "vegetation-only": 0.25},
    generated_share=0.17,
)
LANDUSE_FCN = Recipe(
    name="landuse-fcn",
    title="Land use FCN",
    description="The classes of landuse-unet in less than half the time: for large areas and slow machines.",
    gsd_m=1.0,
    gsd_range_m=(0.5, 2.0),
    classes=LANDUSE,
    architecture=Fcn,
    shares={"full": 0.6, "building-only": 0.34, "road-only": 0.06, "vegetation-only": 0.25},
    generated_share=0.17,
)
BUILDINGS_UNET = Recipe(
    name="buildings-unet",
    title="Buildings UNet",
    description="Buildings from RGB imagery of about 0.3 m, with the borders where two of them touch.",
    gsd_m=0.3,
    gsd_range_m=(0.1, 0.6),
    classes=("other", "building"),
    planes=(
        {"name": "building", "class": 1, "role": "object"},
        {"name": "border", "role": "touching-border"},
    ),
    shares={"full": 0.1, "building-only": 0.9},
    generated_share=0.08,
    scale_deviation=0.35,
    validation_kind="building-only",
)
RECIPES = {recipe.name: recipe for recipe in (LANDUSE_UNET, LANDUSE_FCN, BUILDINGS_UNET)}
