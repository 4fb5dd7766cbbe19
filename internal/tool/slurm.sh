#!/usr/bin/env bash
# A Slurm of one node on this machine, for tests: one controller and one node
# daemon, which live in a folder and need neither its users nor its keys.
#
#   slurm.sh start DIR   starts it; then SLURM_CONF=DIR/slurm.conf reaches it
#   slurm.sh stop DIR    ends it and every job
#
# It needs Debian's slurm-wlm and root.
set -euo pipefail
action=$1
dir=$2
export SLURM_CONF=$dir/slurm.conf

ports() { # two ports that nobody listens on
  local p=$((20000 + RANDOM % 20000))
  while ss -ltn | grep -qE ":($p|$((p + 1))) "; do p=$((p + 2)); done
  echo $p $((p + 1))
}

start() {
  mkdir -p "$dir"/{state,spool}
  read -r controller node < <(ports)
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SchedulerParameters=sched_interval=1,requeue_delay=1
KillWait=60
InactiveLimit=0
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  slurmctld
  slurmd
  for _ in $(seq 100); do
    case $(sinfo -h -o %T 2>/dev/null) in idle*) return ;; esac
    sleep 0.2
  done
  echo "slurm.sh: the node did not become idle; see $dir/*.log" >&2
  stop
  exit 1
}

stop() {
  scancel --full --signal=KILL --user="$(id -un)" 2>/dev/null || true
  for d in slurmd slurmctld; do
    [ -f "$dir/$d.pid" ] && kill "$(cat "$dir/$d.pid")" 2>/dev/null || true
  done
}

"$action"
