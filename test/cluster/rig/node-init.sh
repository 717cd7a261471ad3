#!/bin/sh
# Process 1 of a node of the test cluster: sh node-init.sh NAME DIRECTORY XFS_IMAGE SHARED_DIRECTORY
# Runs in new mount, pid and host name namespaces. Gives the node directories of its own at the standard places, so that one
# DaemonSet fits all nodes and the machine's own directories stay as they are, then waits for its end and reaps.
set -eu
name=$1
directory=$2
image=$3
shared=$4

hostname "$name"
# A mount made by a container with Bidirectional propagation shall be seen by the node and its other containers.
mount --make-rshared /
mkdir -p "$directory/memory"
mount -t tmpfs -o mode=755 rig "$directory/memory"

# A peer group of its own: what is mounted below shall not appear at the other place where the same directory is seen.
share() {
  mount --make-private "$1"
  mount --make-shared "$1"
}

# New entries in TARGET are this node's alone, in memory: gone when it stops.
layer() {
  upper=$directory/memory$1
  mkdir -p "$upper/upper" "$upper/work"
  mount -t overlay -o "lowerdir=$1,upperdir=$upper/upper,workdir=$upper/work" overlay "$1"
  share "$1"
}

# TARGET is this node's alone, on disk: stays when it stops.
own() {
  mkdir -p "$directory/disk$1" "$1"
  mount --bind "$directory/disk$1" "$1"
  share "$1"
}

# TARGET is the same on all nodes: as a shared file system that each has mounted.
ours() {
  mkdir -p "$shared$1" "$1"
  mount --bind "$shared$1" "$1"
  share "$1"
}

for target in /run /srv /var/lib /var/log; do
  layer "$target"
done
for target in /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/lib/convoy /var/log/pods /srv/pool-loop; do
  own "$target"
done
for target in /srv/shared /srv/shared-a; do
  ours "$target"
done
# The kernel lets go of the loop device with the mount, that is with the node.
mkdir -p /srv/pool-xfs
mount -t xfs -o loop "$image" /srv/pool-xfs
share /srv/pool-xfs

: >"$directory/ready"
# With SIGCHLD ignored the kernel reaps what is left to process 1.
exec env --ignore-signal=CHLD sleep infinity
