#!/bin/sh
# Uploads an image, maps it, waits for the end and downloads the features as GeoPackage:
#
#   sh map-image.sh http://127.0.0.1:8080 image.tif map.gpkg
set -eu
service=$1 image=$2 output=$3

ask() {
  curl --silent --show-error --fail-with-body ${PLANIMETER_TOKEN:+--header "Authorization: Bearer $PLANIMETER_TOKEN"} "$@"
}

# Follows the events of a scene or a job to the last one, and ends here if that is not the wanted state.
wait_for() {
  last=$(ask --no-buffer "$service$1/events" | sed -n 's/^data: //p' | tail -n 1)
  case $last in
    *"\"state\":\"$2\""*) echo "$1 is $2" ;;
    *) echo "$last" >&2; exit 1 ;;
  esac
}

# tus 1.0: an upload is created, then its bytes are sent. If that breaks, HEAD says from which byte to go on.
upload=$(ask --request POST --header 'Tus-Resumable: 1.0.0' --header "Upload-Length: $(wc -c < "$image" | tr -d ' ')" \
  --header "Upload-Metadata: filename $(printf %s "$(basename "$image")" | base64 | tr -d '\n')" \
  --write-out '%header{location}' "$service/uploads")
scene=$(ask --request PATCH --header 'Tus-Resumable: 1.0.0' --header 'Upload-Offset: 0' \
  --header 'Content-Type: application/offset+octet-stream' --upload-file "$image" \
  --write-out '%header{planimeter-scene}' "$service$upload")
wait_for "/scenes/$scene" ready

job=$(ask --header 'Content-Type: application/json' --data "{\"scene\":\"$scene\"}" \
  --output /dev/null --write-out '%header{location}' "$service/jobs")
wait_for "$job" done
ask --output "$output" "$service$job/export.gpkg"
