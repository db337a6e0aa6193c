#!/bin/bash
# The first process of a host: init.sh FOLDER NAME, in pid, mount, uts and ipc namespaces of its own.
# FOLDER is the host's folder on the machine. The host is up when sshd listens; it is off when our
# standard input ends or we are killed.
set -eu
folder=$1 name=$2
mount --make-rprivate /
hostname "$name"

# What only root of the host sees: the host's folder, and the machine as it is outside.
bind() { mkdir -p "$2" && mount --bind "$1" "$2"; }
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 700 /run/testbed
bind "$folder" /run/testbed/host
bind / /run/testbed/machine

# The host may change these as it likes; its power button undoes it.
for top in etc usr var; do
    mkdir -p /run/testbed/overlay/$top/{upper,work}
    layers=lowerdir=/$top,upperdir=/run/testbed/overlay/$top/upper
    mount -t overlay -o "$layers,workdir=/run/testbed/overlay/$top/work" overlay /$top
done
mount -t tmpfs -o mode=700 tmpfs /root
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
mount -t tmpfs -o mode=1777,size=64m tmpfs /dev/shm
mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx

# These live as long as the lab does.
bind /run/testbed/host/home /home
bind /run/testbed/host/gpu /run/gpu
if [ -d /var/spool/cron/crontabs ]; then
    chown --reference=/var/spool/cron/crontabs /run/testbed/host/crontabs
    chmod --reference=/var/spool/cron/crontabs /run/testbed/host/crontabs
    mount --bind /run/testbed/host/crontabs /var/spool/cron/crontabs
fi

echo "$name" > /etc/hostname
printf '127.0.0.1 localhost %s\n' "$name" > /etc/hosts
cat /proc/sys/kernel/random/uuid > /run/testbed/boot_id
mount --bind /run/testbed/boot_id /proc/sys/kernel/random/boot_id

. /run/testbed/host/verbs.sh
add_user train 2001
without_driver
. /run/testbed/host/changes.sh
start_sshd </dev/null
trap : TERM HUP INT # an orderly reboot asks all processes to end; this one is the last
while read -r _ || [ $? -gt 128 ]; do :; done
