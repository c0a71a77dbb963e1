"""Runs buildingregulariser on the polygons that we were given and measures both results: `compare.py FOLDER` reads masks.json,
raw.json and ours.json (rings in pixels per mask) and prints one JSON object of figures per kind of mask."""
import contextlib, io, json, math, sys, time, warnings
from pathlib import Path
import geopandas, numpy as np, rasterio.features, shapely
from buildingregulariser import regularize_geodataframe
warnings.filterwarnings('ignore')

folder = Path(sys.argv[1])
masks, raw, ours = (json.load(open(folder / f'{n}.json')) for n in ('masks', 'raw', 'ours'))

def polygons(list_of_rings, metres):
    return np.array([shapely.Polygon(np.reshape(r[0], (-1, 2)) * metres, [np.reshape(h, (-1, 2)) * metres for h in r[1:]])
                     for r in list_of_rings], dtype=object)

def vertices(p): return shapely.get_num_coordinates(p) - 1 - len(p.interiors)

def direction(p):
    """Degrees modulo 90 of the minimum rotated rectangle."""
    xy = shapely.get_coordinates(shapely.minimum_rotated_rectangle(p))
    if len(xy) < 5: return None
    d = xy[1] - xy[0] if np.hypot(*(xy[1] - xy[0])) > np.hypot(*(xy[2] - xy[1])) else xy[2] - xy[1]
    return math.degrees(math.atan2(d[1], d[0])) % 90

def dominant(p):
    """Degrees modulo 90 in which most of the polygon's edges lie, by length (1° window)."""
    xy = shapely.get_coordinates(p.exterior)
    d = np.diff(xy, axis=0); length = np.hypot(*d.T); angle = np.degrees(np.arctan2(d[:, 1], d[:, 0])) % 90
    weights = [(length * (np.abs((angle - a + 45) % 90 - 45) < 0.5)).sum() for a in angle]
    return angle[int(np.argmax(weights))]

def turn(a, b): return abs((a - b + 45) % 90 - 45)

def polis(a, b):
    """J. Avbelj, R. Müller, R. Bamler: A metric for polygon comparison and building extraction evaluation. IEEE GRSL 12 (2015)."""
    distance = lambda p, q: shapely.distance(shapely.points(shapely.get_coordinates(p.exterior)[:-1]), q.exterior).mean()
    return (distance(a, b) + distance(b, a)) / 2

def figures(result, reference, tree, simple, pieces_lost):
    ok = shapely.is_valid(result)
    valid = np.where(ok, result, shapely.make_valid(result))
    ious, polises, turns, counts = [], [], [], []
    for p, good in zip(valid, ok):
        near = tree.query(p, predicate='intersects')
        if len(near) == 0: continue
        shared = shapely.area(shapely.intersection(reference[near], p))
        match = near[int(np.argmax(shared))]
        iou = shared.max() / shapely.area(shapely.union(reference[match], p))
        if iou < 0.3: continue  # not this building
        ious.append(iou)
        if p.geom_type != 'Polygon': continue
        counts.append(vertices(p))
        polises.append(polis(p, simple[match]))
        rectangle = shapely.minimum_rotated_rectangle(reference[match])
        if reference[match].area > 0.8 * rectangle.area:  # else its direction means little
            turns.append(turn(dominant(p), direction(reference[match])))
    pairs = shapely.STRtree(valid).query(valid, predicate='intersects')
    pairs = pairs[:, pairs[0] < pairs[1]]
    overlaps = int((shapely.area(shapely.intersection(valid[pairs[0]], valid[pairs[1]])) > 1e-6).sum()) if pairs.size else 0
    return dict(ious=ious, polises=polises, turns=turns, counts=counts, invalid=int((~ok).sum()), overlaps=overlaps, pieces=len(result))

kinds = {}
for mask, in_rings, our in zip(masks, raw, ours['results']):
    if not in_rings: continue
    metres, name = mask['metres'], f"{mask['name']}.{mask['kind']}"
    reference_mask = np.fromfile(folder / f'{name}.reference', np.uint8).reshape(mask['referenceHeight'], mask['referenceWidth'])
    unit = metres / mask['factor']
    reference = np.array([shapely.affinity.scale(shapely.geometry.shape(g), unit, unit, origin=(0, 0))
                          for g, v in rasterio.features.shapes(reference_mask, mask=reference_mask == 1, connectivity=4)], dtype=object)
    if len(reference) == 0: continue
    tree, simple = shapely.STRtree(reference), shapely.simplify(reference, 0.75 * unit if mask['factor'] == 1 else 1.5 * unit)
    source = polygons(in_rings, metres)
    results = {'ours': polygons([b['rings'] for b in our], metres)}
    seconds = {}
    settings = {'theirs': {}, 'theirs tuned': dict(simplify_tolerance=max(0.5, 2 * metres), parallel_threshold=max(1.0, 2 * metres))}
    for label, options in settings.items():
        frame = geopandas.GeoDataFrame(geometry=list(source))
        began = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()): done = regularize_geodataframe(frame, num_cores=1, **options)
        seconds[label] = time.process_time() - began
        results[label] = np.array(list(done.geometry), dtype=object)
    results['raw'] = source
    for label, result in results.items():
        f = figures(result, reference, tree, simple, 0)
        total = kinds.setdefault(mask['kind'], {}).setdefault(label, dict(ious=[], polises=[], turns=[], counts=[], invalid=0, overlaps=0, pieces=0, seconds=0.0))
        for key, value in f.items(): total[key] += value
        total['seconds'] += seconds.get(label, 0.0)

print(json.dumps({kind: {label: dict(
    buildings=t['pieces'], matched=len(t['ious']), iou=float(np.mean(t['ious'])), polis=float(np.mean(t['polises'])),
    turn=float(np.mean(t['turns'])) if t['turns'] else 0.0, turn_median=float(np.median(t['turns'])) if t['turns'] else 0.0, vertices=float(np.mean(t['counts'])), invalid=t['invalid'],
    overlaps=t['overlaps'], seconds=t['seconds']) for label, t in labels.items()} for kind, labels in kinds.items()}))
