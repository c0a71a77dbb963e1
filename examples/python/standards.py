"""Maps a scene, lists the maps and counts buildings with clients of OGC API and STAC that were not made for Planimeter:

    pip install pystac-client OWSLib
    python standards.py http://127.0.0.1:8080 SCENE
"""

import sys

import pystac_client
from owslib.ogcapi.features import Features
from owslib.ogcapi.processes import Processes

service, scene = sys.argv[1:]
job = Processes(f"{service}/ogc").execute("segment", {"scene": scene}, async_=True)
print("job", job["jobID"], job["status"])
for item in pystac_client.Client.open(f"{service}/stac").search(collections=["class-maps"]).items():
    # Detectors draw boxes and make no class map: their map is its features.
    assets = [item.assets[name] for name in ("classes", "features") if name in item.assets]
    print(item.properties["title"], assets[0].href)
page = Features(service).collection_items("buildings", filter="area_m2 > 10", sortby=("area_m2", "desc"), limit=3)
areas = [feature["properties"]["area_m2"] for feature in page["features"]]
print(page["numberMatched"], "buildings; the largest:", areas[0] if areas else 0, "m²")
