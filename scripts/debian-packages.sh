#!/bin/sh
# Installs what `make test` needs from Debian, as root and only what is missing.
# Without root it prints what is missing and leaves it at that: tests that need it skip and say so.
set -eu
packages="openssh-server openssh-client rsync iproute2 tmux git csh fish environment-modules procps cron
util-linux gcc libc6-dev python3 python3-venv slurm-wlm munge slurmdbd mariadb-server
chromium fonts-dejavu-core texlive-latex-base texlive-latex-recommended poppler-utils"

command -v dpkg-query >/dev/null || { echo "not Debian: install by hand: $packages" >&2; exit 0; }
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "missing Debian packages:$missing" >&2
    exit 0
fi
echo "installing Debian packages:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# No service of the machine is started: the tests bring their own sshd, slurmctld and database.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get -q -q -o DPkg::Lock::Timeout=300 update
# shellcheck disable=SC2086  # the names are words
apt-get -q -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >/dev/null
