#!/bin/sh
# Everything that `docker compose up` needs and that no repository can hold: passwords, certificates, accounts.
#
#     sudo ./prepare.sh [NAME]        NAME: how devices reach this machine, if .env does not say it
#
# It may be run again at any time: what is there stays. Each secret belongs to the user of the container that reads it.
set -eu
umask 077
cd "$(dirname "$0")"
compose=${COMPOSE:-docker compose}

mkdir -p secrets broker
chmod 0711 secrets broker # the containers reach their own files, and list nothing
chown 1883 broker         # Mosquitto and the service; see Dockerfile
[ -e .env ] || cp .env.example .env
if [ -n "${1:-}" ]; then
    case $1 in *[!A-Za-z0-9.:-]*) echo "prepare.sh: no host name or address: $1" >&2; exit 2 ;; esac
    sed -i "s/^GECC_BROKER_NAME=.*/GECC_BROKER_NAME=$1/" .env
fi
chmod 0644 .env gecc.toml

secret() { # NAME OWNER [COPY_OF]
    if [ ! -e "secrets/$1" ]; then
        if [ -n "${3:-}" ]; then cp "secrets/$3" "secrets/$1"; else openssl rand -hex 24 > "secrets/$1"; fi
        echo "new   secrets/$1"
    fi
    chown "$2" "secrets/$1"
    chmod 0400 "secrets/$1"
}
secret grafana-admin-password 472
secret influxdb-password 1000
secret influxdb-token 1000
secret grafana-influxdb-token 472 influxdb-token
secret gecc-influxdb-token 1883 influxdb-token
mkdir -p secrets/alertmanager # mail-password and whatever else alertmanager.yml names: put them there yourself
chown -R 65534 secrets/alertmanager

$compose build gecc
$compose run --rm certificates
$compose run --rm accounts
echo "Grafana: user admin, its password is in secrets/grafana-admin-password"
