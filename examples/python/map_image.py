"""Uploads an image, maps it, follows the job by server-sent events and downloads its features as GeoPackage.

Python's own library is enough:

    python map_image.py http://127.0.0.1:8080 image.tif map.gpkg
"""

import base64
import json
import os
import shutil
import sys
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

service, image, output = sys.argv[1:]
token = os.environ.get("PLANIMETER_TOKEN")
authorization = {"Authorization": f"Bearer {token}"} if token else {}


def ask(method, path, headers={}, body=None):
    try:
        return urlopen(Request(urljoin(service, path), body, {**authorization, **headers}, method=method))
    except HTTPError as refused:
        sys.exit(json.load(refused)["detail"])


def upload(path):
    """By tus 1.0: an upload is created, then its bytes are sent. If that breaks, HEAD says from which byte to go on."""
    tus = {"Tus-Resumable": "1.0.0"}
    size = os.path.getsize(path)
    name = base64.b64encode(os.path.basename(path).encode()).decode()
    created = ask("POST", "/uploads", {**tus, "Upload-Length": size, "Upload-Metadata": f"filename {name}"})
    part = {"Upload-Offset": 0, "Content-Length": size, "Content-Type": "application/offset+octet-stream"}
    with open(path, "rb") as file:
        return ask("PATCH", created.headers["Location"], {**tus, **part}, file).headers["Planimeter-Scene"]


def follow(path):
    """Prints the states that the events tell, the last of which is final."""
    for line in ask("GET", f"{path}/events"):
        if line.startswith(b"data: "):
            subject = json.loads(line[len(b"data: ") :])
            print(path, subject["state"], flush=True)
            if subject["problem"]:
                sys.exit(subject["problem"]["detail"])


scene = upload(image)
follow(f"/scenes/{scene}")
started = ask("POST", "/jobs", {"Content-Type": "application/json"}, json.dumps({"scene": scene}).encode())
job = json.load(started)["id"]
follow(f"/jobs/{job}")
with ask("GET", f"/jobs/{job}/export.gpkg") as features, open(output, "wb") as file:
    shutil.copyfileobj(features, file)
