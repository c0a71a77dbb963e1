"""The receptive field as stated, the loss where and only where something is labelled, crops of the right kind."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import torch

from augment import augment, bare_fields, inland, unpaved
from countryside import countryside
from data import IGNORE, NOT_BUILDING, NOT_ROAD, NOT_VEGETATION, pack, random_crop
from evaluate import judged, with_told
from graph import build, read_weights
from instances import BUILDING, TOUCHING, UNKNOWN, building_codes
from losses import building_loss, distillation_loss, segmentation_loss
from network import STRIDE, Fcn, Unet, fold_batch_norms, halo, receptive_field, take_weights, unfold_batch_norms
from pseudo import join_small
from recipes import RECIPES
from tally import count, label_of, new_tally, summarise


class ReceptiveField(unittest.TestCase):
    def test_no_pixel_beyond_the_stated_field_counts(self):
        """Random weights: what lies outside the field of a pixel is changed, and the pixel's logits stay."""
        torch.manual_seed(1)
        for architecture in {recipe.architecture for recipe in RECIPES.values()}:
            network = fold_batch_norms(architecture(2)).double()
            left, top, right, bottom = receptive_field(architecture)
            margin = halo(architecture)
            image = torch.rand(1, 3, 2 * margin + STRIDE, 2 * margin + STRIDE, dtype=torch.float64) * 255
            before = network(image)
            for at in (margin, margin + STRIDE // 2, margin + STRIDE - 1):
                changed = 255 - image
                rows, columns = slice(at - top, at + bottom + 1), slice(at - left, at + right + 1)
                changed[..., rows, columns] = image[..., rows, columns]
                self.assertTrue(torch.equal(before[..., at, at], network(changed)[..., at, at]), architecture.__name__)
                self.assertFalse(torch.equal(before[..., at, at], network(255 - image)[..., at, at]))


class Touching(unittest.TestCase):
    def label(self) -> np.ndarray:
        """Two houses of 6 x 6 m that are 0.6 m apart, at 0.3 m."""
        label = np.full((40, 60), NOT_BUILDING, np.uint8)
        label[10:30, 5:25] = label[10:30, 27:47] = 1
        return label

    def test_a_narrow_gap_and_the_walls_beside_it_touch(self):
        codes = building_codes(self.label(), 0.3)
        columns = np.nonzero((codes[15:25] & TOUCHING).all(0))[0]
        self.assertEqual(list(columns), [25, 26], codes[20])
        self.assertTrue(((codes & BUILDING) == (self.label() == 1)).all())

    def test_a_merged_block_tells_nothing_inside(self):
        label = self.label()
        label[5:35] = 1
        codes = building_codes(label, 0.45)
        self.assertTrue((codes[5:35] & UNKNOWN).all())
        self.assertFalse((codes[:5] & (UNKNOWN | BUILDING)).any())

    def test_polygons_tell_where_the_label_does_not(self):
        label = self.label()
        label[10:30, 25:27] = 1
        numbers = np.where(label == 1, 1, 0).astype(np.int32)
        numbers[:, 26:] *= 2
        codes = building_codes(label, 0.3, numbers)
        self.assertFalse((codes & UNKNOWN).any())
        self.assertTrue((codes[15:25, 24:28] & TOUCHING).all() and not (codes[:, :20] & TOUCHING).any())

    def test_pixels_too_coarse_tell_nothing(self):
        self.assertTrue((building_codes(self.label(), 1.0) & UNKNOWN).all())


class JudgedAgain(unittest.TestCase):
    def test_what_is_found_anew_goes_before_what_was_told_and_the_rest_stays(self):
        told = {"temperature": 1.7, "full": 1, "training": {"steps": 9}, "generated": {"val-1": 1}, "drawn": 1}
        again = with_told(told, {"full": 2, "generated": {}, "touching": {"here": 3}})
        self.assertEqual(
            again,
            {
                "temperature": 1.7,
                "full": 2,
                "training": {"steps": 9},
                "generated": {"val-1": 1},
                "touching": {"here": 3},
                "drawn": 1,
            },
        )
        self.assertEqual(with_told({}, {"full": 2, "generated": {}}), {"full": 2, "generated": {}})


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

    def test_not_vegetation_lowers_vegetation(self):
        gradient = self.gradient(NOT_VEGETATION)
        self.assertGreater(gradient[3], 0)
        self.assertTrue(torch.all(gradient[[0, 1, 2, 4]] < 0))

    def test_a_teacher_is_followed_where_no_label_contradicts_it(self):
        wanted = torch.tensor([0.05, 0.7, 0.1, 0.1, 0.05]).reshape(1, 5, 1, 1).expand(1, 5, 4, 4)
        follows = {}
        for code in (1, NOT_ROAD, IGNORE, 0, 4, NOT_BUILDING):
            logits = torch.zeros(1, 5, 4, 4, requires_grad=True)
            distillation_loss(logits, wanted, torch.full((1, 4, 4), code, dtype=torch.uint8)).backward()
            follows[code] = bool((logits.grad[0, 1] < 0).all())
        self.assertEqual(follows, {1: True, NOT_ROAD: True, IGNORE: True, 0: False, 4: False, NOT_BUILDING: False})

    def test_a_border_that_is_not_known_teaches_only_the_building(self):
        logits = torch.zeros(1, 2, 16, 16, requires_grad=True)
        building_loss(logits, torch.full((1, 16, 16), BUILDING | UNKNOWN, dtype=torch.uint8)).backward()
        self.assertTrue(torch.all(logits.grad[:, 0] < 0) and torch.all(logits.grad[:, 1] == 0))


class Pseudo(unittest.TestCase):
    def test_small_images_are_joined_and_found_again(self):
        pairs = [(f"{n}", np.full((8, 12, 3), n, np.uint8), np.full((8, 12), n, np.uint8)) for n in range(27)]
        pairs.insert(9, ("large", np.zeros((900, 700, 3), np.uint8), np.full((900, 700), 99, np.uint8)))
        found = {}
        for stems, image, label in join_small(pairs):
            self.assertEqual(image.shape[:2], label.shape)
            for row, each in zip(np.split(label, len(stems)), stems, strict=True):
                found |= dict(zip(each, np.split(row, len(each), 1), strict=True))
        self.assertEqual(set(found), {stem for stem, *_ in pairs})
        for stem, _, label in pairs:
            self.assertTrue(np.array_equal(found[stem], label), stem)


class Weights(unittest.TestCase):
    def test_an_fcn_takes_the_encoder_of_a_unet(self):
        unet, fcn = Unet(5), Fcn(5)
        take_weights(fcn, unet.state_dict())
        for ours, theirs in zip(fcn.encoder.parameters(), unet.encoder.parameters(), strict=True):
            self.assertTrue(torch.equal(ours, theirs))

    def test_training_goes_on_from_an_exported_network(self):
        for name in ("landuse-unet", "landuse-fcn", "buildings-unet"):
            recipe = RECIPES[name]
            exported = fold_batch_norms(recipe.architecture(recipe.logits))
            again = recipe.architecture(recipe.logits)
            images = 255 * torch.rand(2, 3, 64, 96)
            with tempfile.TemporaryDirectory() as folder:
                onnx.save(build(exported, recipe, 1.6), path := Path(folder) / "network.onnx")
                (path.parent / "scores.json").write_text('{"temperature": 1.6}')
                take_weights(again, read_weights(path, again))
            unfold_batch_norms(again, images)
            with torch.no_grad():
                wanted, scale = exported(images), exported(images).std()
                self.assertLess((again.eval()(images) - wanted).abs().max(), 1e-3 * scale, name)
                self.assertLess((again.train()(images) - wanted).abs().max(), 1e-2 * scale, name)


class Tally(unittest.TestCase):
    def test_scores_by_hand(self):
        recipe = RECIPES["landuse-unet"]
        label = np.array([[0, 0, 1, 1], [NOT_BUILDING, IGNORE, 2, 2]], np.uint8)
        predicted = np.array([[0, 1, 1, 1], [1, 4, 2, 0]], np.uint8)
        tally = new_tally(recipe)
        count(tally, recipe, predicted, np.full(label.shape, 0.8), label)
        scores = summarise(tally, recipe)
        self.assertEqual(scores["iou"], {"other": 1 / 3, "building": 2 / 4, "road": 1 / 2})
        self.assertEqual(scores["precision"], {"other": 1 / 2, "building": 2 / 4, "road": 1})
        self.assertEqual(scores["recall"], {"other": 1 / 2, "building": 1, "road": 1 / 2})
        self.assertEqual(scores["confusion"][0], [1, 1, 0, 0, 0])
        self.assertIsNone(scores["ece"], "of some pixels the label tells only what they are not")

    def test_a_place_of_vegetation_alone_is_scored_by_it(self):
        recipe = RECIPES["landuse-unet"]
        label = np.array([[3, 3, NOT_VEGETATION, NOT_VEGETATION, IGNORE]], np.uint8)
        predicted = np.array([[3, 0, 3, 2, 3]], np.uint8)
        tally = new_tally(recipe)
        count(tally, recipe, predicted, np.full(label.shape, 0.8), label)
        scores = summarise(tally, recipe)
        self.assertEqual(scores["iou"], {"vegetation": 1 / 3})
        self.assertIsNone(scores["ece"])
        planes = RECIPES["buildings-unet"]
        self.assertEqual(list(label_of(planes, label)[0]), [0, 0, IGNORE, IGNORE, IGNORE])

    def test_calibration_by_hand(self):
        recipe = RECIPES["landuse-unet"]
        label = np.array([[0, 0, 1, 1], [IGNORE, IGNORE, 2, 2]], np.uint8)
        predicted = np.array([[0, 1, 1, 1], [1, 4, 2, 0]], np.uint8)
        tally = new_tally(recipe)
        count(tally, recipe, predicted, np.full(label.shape, 0.8), label)
        self.assertAlmostEqual(summarise(tally, recipe)["ece"], abs(4 / 6 - 0.8))

    def test_a_place_of_buildings_alone_is_judged_by_building_or_not(self):
        recipe = RECIPES["landuse-unet"]
        p = np.zeros((5, 1, 4))
        p[:, 0] = np.array([[0.1, 0.7, 0.1, 0.1, 0], [0.3, 0.4, 0.3, 0, 0], [0.1, 0.2, 0.7, 0, 0], [1, 0, 0, 0, 0]]).T
        label = np.array([[1, 1, NOT_BUILDING, IGNORE]], np.uint8)
        confidence, right = judged(recipe, p, label)
        np.testing.assert_allclose(confidence, [0.7, 0.6, 0.8])
        self.assertEqual(list(right), [True, False, True])


class Crops(unittest.TestCase):
    def test_bare_fields_leave_buildings_as_they_are(self):
        changed = 0
        for seed in range(10):
            random = np.random.default_rng(seed)
            image = random.normal(120, 30, (256, 256, 3)).astype(np.float32)
            codes = np.zeros((256, 256), np.uint8)
            codes[90:150, 60:200] = BUILDING
            after = bare_fields(random, image, codes)
            self.assertTrue(np.array_equal(after[90:150, 60:200], image[90:150, 60:200]), f"seed {seed}")
            changed += (after != image).any(2).mean()
        self.assertGreater(changed, 0.5)

    def test_roads_become_tracks_only_where_there_is_bare_land(self):
        for seed in range(10):
            random = np.random.default_rng(seed)
            image = random.normal(180, 10, (128, 128, 3)).astype(np.float32)
            label = np.zeros((128, 128), np.uint8)
            label[60:68] = 2
            image[60:68] = 40
            track = unpaved(random, image, label)
            contrast = abs(track[63:65].mean() - track[:40].mean())
            self.assertLess(contrast, 100, f"seed {seed}")
            self.assertTrue(np.array_equal(track[:40], image[:40]), f"seed {seed}: land has changed")
            label[label == 0] = 3
            self.assertTrue(np.array_equal(unpaved(random, image, label), image), f"seed {seed}")

    def test_inland_water_changes_water_alone(self):
        for seed in range(10):
            random = np.random.default_rng(seed)
            image = random.normal(120, 10, (256, 256, 3)).astype(np.float32)
            label = np.zeros((256, 256), np.uint8)
            label[100:160] = 4
            lake = inland(random, image, label)
            self.assertTrue(np.array_equal(lake[:80], image[:80]) and np.array_equal(lake[180:], image[180:]))
            self.assertGreater(np.abs(lake - image)[105:155].mean(), 1, f"seed {seed}")

    def test_countryside_keeps_to_open_land_and_says_what_it_lays(self):
        laid = np.zeros(256, np.int64)
        for seed in range(30):
            random = np.random.default_rng(seed)
            image = random.normal(120, 30, (256, 256, 3)).astype(np.float32)
            label = np.full((256, 256), NOT_BUILDING, np.uint8)
            label[90:150, 60:200], label[20:28], label[200:] = 1, 2, IGNORE
            kept = (label == 1) | (label == 2) | (label == IGNORE)
            after, codes = countryside(random, image, label)
            self.assertEqual((after.dtype, codes.dtype), (np.float32, np.uint8), f"seed {seed}")
            self.assertTrue(np.array_equal(after[kept], image[kept]), f"seed {seed}: a building or a road has changed")
            self.assertTrue(np.array_equal(codes[kept], label[kept]), f"seed {seed}")
            laid += np.bincount(codes[codes != label], minlength=256)
        self.assertTrue((laid[[0, 2, 3, 4, NOT_ROAD]] > 0).all(), laid.nonzero())
        self.assertEqual(laid[1], 0)

    def test_countryside_leaves_towns_alone(self):
        image, label = np.full((256, 256, 3), 99, np.float32), np.full((256, 256), 1, np.uint8)
        for seed in range(5):
            after, codes = countryside(np.random.default_rng(seed), image, label)
            self.assertTrue(np.array_equal(after, image) and np.array_equal(codes, label))

    def test_crops_keep_to_the_codes_and_the_size(self):
        for seed in range(30):
            random = np.random.default_rng(seed)
            codes = np.array([0, 1, 2, 3, 4, NOT_VEGETATION, NOT_ROAD, NOT_BUILDING, IGNORE], np.uint8)
            label = random.choice(codes, (random.integers(40, 700), random.integers(40, 700)))
            image = random.integers(0, 256, (*label.shape, 3), dtype=np.uint8)
            sheets = pack([(image, label)], 576)
            crop, crop_label = random_crop(random, sheets, 0.5, random.uniform(0.5, 2), 256)
            crop, crop_label = augment(random, crop, crop_label, rural=0.5)
            self.assertEqual((crop.shape, crop.dtype, crop_label.shape), ((256, 256, 3), np.uint8, (256, 256)), seed)
            self.assertLessEqual(set(np.unique(crop_label)), set(codes), f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
