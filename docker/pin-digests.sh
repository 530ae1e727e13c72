#!/usr/bin/env bash
# Writes the digests of the images that were pulled into .env, so that the next pull gets the same bytes or fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# The variable of each image in docker-compose.yml: image: NAME:TAG${VARIABLE:-}
sed -n 's/^ *image: *\([^ $]*\)\${\([A-Z]*_DIGEST\):-}$/\2 \1/p' docker-compose.yml | sort -u |
    while read -r variable image; do
        digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image" 2>/dev/null | sed 's/.*@/@/') || true
        if [[ $digest == @sha256:* ]]; then
            sed -i "s|^$variable=.*|$variable=$digest|" .env
            echo "$image$digest"
        else
            echo "$image was not pulled; $variable stays as it is" >&2
        fi
    done
