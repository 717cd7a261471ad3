{{/*
The node groups with their defaults filled in, as YAML {groups: […]}. Without nodeGroups it is one, without a name, on all Linux nodes.
*/}}
{{- define "convoy.groups" -}}
{{- $groups := list -}}
{{- range .Values.nodeGroups | default (list (dict "name" "" "pools" .Values.pools)) -}}
  {{- $groups = append $groups (dict
      "name" .name
      "nodeSelector" (merge (dict) (.nodeSelector | default dict) $.Values.node.nodeSelector (dict "kubernetes.io/os" "linux"))
      "tolerations" (ternary .tolerations $.Values.node.tolerations (hasKey . "tolerations"))
      "affinity" (ternary .affinity $.Values.node.affinity (hasKey . "affinity"))
      "pools" (.pools | default $.Values.pools)) -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}

{{/* Every pool once, of whichever group, as YAML {pools: […]}: what the controller needs to know. */}}
{{- define "convoy.allPools" -}}
{{- $pools := list -}}
{{- $drivers := dict -}}
{{- range $group := (include "convoy.groups" . | fromYaml).groups -}}
  {{- range $pool := $group.pools -}}
    {{- if not (hasKey $drivers $pool.name) -}}
      {{- $pools = append $pools $pool -}}
      {{- $_ := set $drivers $pool.name $pool.driver -}}
    {{- else if ne (get $drivers $pool.name) $pool.driver -}}
      {{- fail (printf "pool %q has driver %s in one node group and %s in %q: a pool has the same driver on every node; give one of them another name" $pool.name (get $drivers $pool.name) $pool.driver $group.name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "pools" $pools) -}}
{{- end -}}

{{/* Of a pool: "true" when it is on storage that every node reaches, else "". */}}
{{- define "convoy.isGlobal" -}}
{{- range $key, $value := .options -}}
  {{- if and (hasSuffix ".scope" $key) (eq (toString $value) "global") -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The global pools, each once, as YAML {pools: […]}: the controller manages them itself. */}}
{{- define "convoy.globalPools" -}}
{{- $pools := list -}}
{{- $seen := dict -}}
{{- range $group := (include "convoy.groups" . | fromYaml).groups -}}
  {{- range $pool := $group.pools -}}
    {{- if and (include "convoy.isGlobal" $pool) (not (hasKey $seen $pool.name)) -}}
      {{- $pools = append $pools $pool -}}
      {{- $_ := set $seen $pool.name true -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "pools" $pools) -}}
{{- end -}}

{{/* (list $ $class): "true" when the volumes of a StorageClass are of a global pool, else "". */}}
{{- define "convoy.classIsGlobal" -}}
{{- $ := index . 0 -}}
{{- $pools := (include "convoy.allPools" $ | fromYaml).pools -}}
{{- $only := ternary (first $pools).name "" (eq (len $pools) 1) -}}
{{- $name := ((index . 1).parameters | default dict).pool | default $.Values.defaultPool | default $only -}}
{{- range $pools -}}{{- if eq .name $name -}}{{- include "convoy.isGlobal" . -}}{{- end -}}{{- end -}}
{{- end -}}

{{/* A group's pools as the daemon reads them: (dict "pools" …). */}}
{{- define "convoy.poolsForDaemon" -}}
{{- $pools := list -}}
{{- range .pools -}}
  {{- $pools = append $pools (omit . "hostPathType") -}}
{{- end -}}
{{- toYaml (dict "pools" $pools) -}}
{{- end -}}

{{/*
What of the host a pod mounts for its pools, as YAML {mounts: [{path, type, propagation}]}: (dict "root" $ "pools" …). A node's pod
mounts those of its group, the controller's the global ones.
- HostToContainer: a disk that is mounted later appears. For `local` Bidirectional: what it mounts at volumes outlives the pod.
- requiremount: the parent. The pool's own directory would be a mount point in the pod whether a disk is there or not.
*/}}
{{- define "convoy.poolMounts" -}}
{{- $mounts := list -}}
{{- $seen := dict -}}
{{- range $pool := .pools -}}
  {{- $requireMount := false -}}
  {{- range $key, $value := $pool.options -}}
    {{- if and (hasSuffix ".requiremount" $key) (eq (toString $value) "true") -}}{{- $requireMount = true -}}{{- end -}}
  {{- end -}}
  {{- range $key, $value := $pool.options -}}
    {{- if hasSuffix ".path" $key -}}
      {{- $where := printf "pool %q: %s %s" $pool.name $key $value -}}
      {{- include "convoy.checkPath" (dict "root" $.root "where" $where "path" (clean $value)) -}}
      {{- $path := ternary (dir (clean $value)) (clean $value) $requireMount -}}
      {{- if regexMatch "^/((bin|boot|dev|etc|lib|lib32|lib64|proc|sbin|sys|usr)(/.*)?|var|var/run|run|tmp)?$" $path -}}
        {{- fail (printf "%s would be mounted over the container's own %s: use a directory such as /mnt/disk, /srv/convoy or /var/lib/…%s" $where $path (ternary "; with requiremount the parent is mounted, so a disk at /mnt/disk works and one at /disk does not" "" $requireMount)) -}}
      {{- end -}}
      {{- if eq $path (clean $.root.Values.root) -}}
        {{- fail (printf "%s: with requiremount its parent %s is mounted, and that is the root: mount the disk at another place, such as /mnt/disk" $where $path) -}}
      {{- end -}}
      {{- if and (include "convoy.isGlobal" $pool) (hasPrefix "/run/convoy/" (printf "%s/" $path)) -}}
        {{- fail (printf "%s is within /run/convoy, where the controller has its socket: give the pool a directory of its own" $where) -}}
      {{- end -}}
      {{- $type := ternary "Directory" ($pool.hostPathType | default "Directory") $requireMount -}}
      {{- if not (hasKey $seen $path) -}}
        {{- $mounts = append $mounts (dict "path" $path "type" $type "propagation" (ternary "Bidirectional" "HostToContainer" (eq $pool.driver "local"))) -}}
        {{- $_ := set $seen $path true -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "mounts" $mounts) -}}
{{- end -}}

{{/* Fails for a place that the driver or the kubelet has for itself. */}}
{{- define "convoy.checkPath" -}}
{{- $values := .root.Values -}}
{{- range $key, $taken := dict "root" (clean $values.root) "kubeletDir" (clean $values.kubeletDir) -}}
  {{- if or (eq $.path $taken) (hasPrefix (printf "%s/" (trimSuffix "/" $.path)) $taken) -}}
    {{- fail (printf "%s holds the %s %s: give the pool a directory of its own" $.where $key $taken) -}}
  {{- end -}}
{{- end -}}
{{- range $taken := list (clean $values.kubeletDir) (printf "%s/mounts" (clean $values.root)) -}}
  {{- if hasPrefix (printf "%s/" $taken) (printf "%s/" $.path) -}}
    {{- fail (printf "%s is within %s, which has another use: give the pool a directory of its own" $.where $taken) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
