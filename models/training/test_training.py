"""The receptive field as stated, the loss where and only where something is labelled, crops of the right kind."""

import unittest

import numpy as np
import torch

from augment import augment
from data import IGNORE, NOT_BUILDING, NOT_ROAD, pack, random_crop
from losses import segmentation_loss
from network import STRIDE, LanduseUnet, fold_batch_norms, receptive_field


class ReceptiveField(unittest.TestCase):
    def test_perturbed_pixels_reach_exactly_as_far_as_stated(self):
        """Gradients of a network with all paths open, for every position of an output pixel within the stride."""
        network = fold_batch_norms(LanduseUnet())
        with torch.no_grad():
            for parameter in network.parameters():
                # Positive weights of sum one: nothing cancels and no activation leaves its linear part.
                parameter.fill_(1 / max(1, parameter[0].numel()) if parameter.ndim > 1 else 0.001)
        network.double()
        size, centre = 448, 224
        image = torch.full((1, 3, size, size), 129.0, dtype=torch.float64, requires_grad=True)
        logits = network(image).sum(1)[0]
        reach = np.zeros(4, int)
        for position in range(STRIDE):
            at = centre + position
            (gradient,) = torch.autograd.grad(logits[at, at], image, retain_graph=True)
            rows, columns = np.nonzero(gradient[0].abs().sum(0).numpy())
            found = (at - columns.min(), at - rows.min(), columns.max() - at, rows.max() - at)
            reach = np.maximum(reach, found)
        self.assertEqual(tuple(reach), receptive_field())


class Loss(unittest.TestCase):
    def gradient(self, code: int) -> torch.Tensor:
        logits = torch.zeros(1, 5, 16, 16, requires_grad=True)
        segmentation_loss(logits, torch.full((1, 16, 16), code, dtype=torch.uint8)).backward()
        return logits.grad.sum((0, 2, 3))

    def test_ignored_pixels_teach_nothing(self):
        self.assertTrue(torch.all(self.gradient(IGNORE) == 0))

    def test_not_a_building_lowers_building_and_favours_no_other_class(self):
        gradient = self.gradient(NOT_BUILDING)
        self.assertGreater(gradient[1], 0)
        others = gradient[[0, 2, 3, 4]]
        self.assertTrue(torch.allclose(others, others[0].expand(4)) and others[0] < 0)

    def test_not_a_road_lowers_road(self):
        gradient = self.gradient(NOT_ROAD)
        self.assertGreater(gradient[2], 0)
        self.assertTrue(torch.all(gradient[[0, 1, 3, 4]] < 0))


class Crops(unittest.TestCase):
    def test_crops_keep_to_the_codes_and_the_size(self):
        for seed in range(30):
            random = np.random.default_rng(seed)
            codes = np.array([0, 1, 2, 3, 4, NOT_ROAD, NOT_BUILDING, IGNORE], np.uint8)
            label = random.choice(codes, (random.integers(40, 700), random.integers(40, 700)))
            image = random.integers(0, 256, (*label.shape, 3), dtype=np.uint8)
            sheets = pack([(image, label)], 576)
            crop, crop_label = random_crop(random, sheets, 0.5, random.uniform(0.5, 2), 256)
            crop, crop_label = augment(random, crop, crop_label)
            self.assertEqual((crop.shape, crop.dtype, crop_label.shape), ((256, 256, 3), np.uint8, (256, 256)), seed)
            self.assertLessEqual(set(np.unique(crop_label)), set(codes), f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
