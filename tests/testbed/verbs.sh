# What can be changed on a host: each line of its changes.sh is one of these, with arguments.

add_user() { # NAME UID. `*` in shadow: no password fits, keys do (`!` would refuse them too)
    sed -i "/^$1:/d" /etc/passwd /etc/group /etc/shadow
    echo "$1:x:$2:$2::/home/$1:/bin/bash" >> /etc/passwd
    echo "$1:x:$2:" >> /etc/group
    echo "$1:*:19000:0:99999:7:::" >> /etc/shadow
    mkdir -p "/home/$1"
    chown "$2:$2" "/home/$1"
}

start_sshd() {
    mkdir -p /run/sshd
    /usr/sbin/sshd -f /run/testbed/host/sshd_config -E /run/testbed/host/sshd.log
}

start_cron() { # Debian's own, which runs what stands behind @reboot since /run is new
    /usr/sbin/cron
}

forbid_crontab() { # as an administrator does who lets nobody but root have one
    echo root > /etc/cron.allow
}

login_shell() { # PATH
    sed -i "s|^\(train:.*:\).*|\1$1|" /etc/passwd
}

without() { # NAME… of programs; patterns are allowed
    local folder name
    for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin; do
        for name in "$@"; do rm -f $folder/$name; done
    done
}

without_driver() { # of a GPU that the machine itself may have
    without nvidia-smi amd-smi rocm-smi
    rm -f /usr/lib/libnvidia-ml.so* /usr/lib/*/libnvidia-ml.so* /usr/lib64/libnvidia-ml.so*
}

python() { # EXECUTABLE: the only Python of the host, although it may lie in a home that is closed
    local prefix
    without python python3 'python[23].*'
    prefix=$(dirname "$(dirname "$1")")
    if [ "$prefix" != /usr ]; then
        mkdir -p "$prefix"
        mount --bind "/run/testbed/machine$prefix" "$prefix"
        chmod 711 /root
        ln -s "$1" /usr/bin/python3
    else
        cp "/run/testbed/machine$1" /usr/bin/python3
    fi
}

calls_itself() { # VERSION STANDARD_LIBRARY: changes what /usr/bin/python3 says that it is
    python "$(readlink -f /usr/bin/python3)"
    cat >> "$2/encodings/utf_8.py" <<X
import sys as _sys
class _Version(tuple):
    major, minor, micro, releaselevel, serial = (property(lambda s, i=i: s[i]) for i in range(5))
_sys.version_info = _Version((*map(int, "$1".split(".")), "final", 0))
_sys.version = "$1 (a stand-in of the testbed)"
X
}

small_disk() { # FOLDER MIB. Again with another size: keeps what is there
    mkdir -p "$1"
    if mountpoint -q "$1"; then
        mount -o "remount,size=$2m" "$1"
    else
        mount -t tmpfs -o "size=$2m,mode=755,uid=2001,gid=2001" tmpfs "$1"
    fi
}

read_only() { # FOLDER
    [ -d "$1" ] || { mkdir -p "$1" && chown train: "$1"; }
    mount --bind "$1" "$1"
    mount -o remount,bind,ro "$1"
}

preload() { # NAME of a library in the host's folder, for every process that starts from now on
    cp "/run/testbed/host/$1" "/usr/lib/$1"
    echo "/usr/lib/$1" >> /etc/ld.so.preload
}

library() { # PATH in the host's folder, to where the loader looks
    cp "/run/testbed/host/$1" /usr/lib/
}

nvidia_smi() { # PYTHON to run it, kept apart: the host's own may be taken away
    mkdir -p /usr/libexec
    touch /usr/libexec/testbed-interpreter
    mount --bind "/run/testbed/machine$1" /usr/libexec/testbed-interpreter
    install -m 755 /run/testbed/host/nvidia-smi /usr/bin/nvidia-smi
}

share() { # FOLDER PLACE: a folder of the machine's, although it may lie in a home that is closed
    mkdir -p "$2"
    mount --bind "/run/testbed/machine$1" "$2"
}
