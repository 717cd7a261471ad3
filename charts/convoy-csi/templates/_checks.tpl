{{/* What the schema cannot say. Included once; each failure names the value and the way out. */}}
{{- define "convoy.checks" -}}
{{- include "convoy.checkOwner" . -}}
{{- $names := list -}}
{{- range (include "convoy.allPools" . | fromYaml).pools -}}{{- $names = append $names .name -}}{{- end -}}
{{- if and .Values.defaultPool (not (has .Values.defaultPool $names)) -}}
  {{- fail (printf "defaultPool is %q; the pools are %s" .Values.defaultPool (join ", " $names)) -}}
{{- end -}}
{{- range $index, $class := .Values.storageClasses -}}
  {{- $pool := ($class.parameters | default dict).pool -}}
  {{- if and $pool (not (has $pool $names)) -}}
    {{- fail (printf "storageClasses[%d].parameters.pool is %q; the pools are %s" $index $pool (join ", " $names)) -}}
  {{- end -}}
  {{- if and (not $pool) (not $.Values.defaultPool) (gt (len $names) 1) -}}
    {{- fail (printf "storageClasses[%d] (%s) names no pool, and there are several (%s): set its parameters.pool, or defaultPool" $index $class.name (join ", " $names)) -}}
  {{- end -}}
{{- end -}}
{{- include "convoy.checkGroups" . -}}
{{- include "convoy.checkGlobal" . -}}
{{- include "convoy.checkSegments" . -}}
{{- range $sidecar, $values := pick .Values.sidecars "provisioner" "snapshotter" "resizer" -}}
  {{- range $index, $arg := $values.extraArgs -}}
    {{- $flag := index (splitList "=" $arg) 0 -}}
    {{- $why := get (include "convoy.refusedArgs" $ | fromYaml) $flag -}}
    {{- if $why -}}{{- fail (printf "sidecars.%s.extraArgs[%d] is %s: %s" $sidecar $index $arg $why) -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- range $socket := list (include "convoy.nodeSocket" .) (printf "%s/plugins_registry/%s-reg.sock" (trimSuffix "/" .Values.kubeletDir) .Values.driverName) -}}
{{- if gt (len $socket) 107 -}}
  {{- fail (printf "a socket of the node would be %s: %d bytes, and a unix socket's path has at most 107; use a shorter driverName or kubeletDir" $socket (len $socket)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Flags that look useful and break the driver. */}}
{{- define "convoy.refusedArgs" -}}
--default-fstype: it makes every claim of a directory pool unsatisfiable; set csi.storage.k8s.io/fstype in the StorageClasses that need it
--strict-topology: a restore could then not be made where its data is, and would be tried for ever
--node-deployment: there is one controller, which reaches every node
{{- end -}}

{{- define "convoy.checkGroups" -}}
{{- $seen := dict -}}
{{- range $index, $group := .Values.nodeGroups -}}
  {{- if hasKey $seen $group.name -}}{{- fail (printf "nodeGroups[%d].name is %q, which stands twice" $index $group.name) -}}{{- end -}}
  {{- $_ := set $seen $group.name true -}}
{{- end -}}
{{- range $group := (include "convoy.groups" . | fromYaml).groups -}}
  {{- $pools := dict -}}
  {{- range $group.pools -}}
    {{- if hasKey $pools .name -}}{{- fail (printf "pool %q stands twice%s: names of pools are unique on a node" .name (ternary "" (printf " in node group %q" $group.name) (eq $group.name ""))) -}}{{- end -}}
    {{- $_ := set $pools .name true -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* A global pool is one pool: every node has it, as the same, and nothing makes it by itself. */}}
{{- define "convoy.checkGlobal" -}}
{{- $groups := (include "convoy.groups" . | fromYaml).groups -}}
{{- range $pool := (include "convoy.globalPools" . | fromYaml).pools -}}
  {{- if eq ($pool.init | default "") "auto" -}}
    {{- fail (printf "pool %q is global and has init auto: a global pool is made once, by hand: kubectl --namespace %s exec deploy/%s-controller -- convoy pools init %s" $pool.name $.Release.Namespace (include "convoy.fullname" $) $pool.name) -}}
  {{- end -}}
  {{- $first := dict -}}
  {{- range $group := $groups -}}
    {{- $here := dict -}}
    {{- range $group.pools -}}{{- if eq .name $pool.name -}}{{- $here = . -}}{{- end -}}{{- end -}}
    {{- if eq ($here.hostPathType | default "") "DirectoryOrCreate" -}}
      {{- fail (printf "pool %q is global and has hostPathType DirectoryOrCreate: where its file system is not mounted, an empty directory would be made and taken for it; leave hostPathType out, and mount the file system on every node" $pool.name) -}}
    {{- end -}}
    {{- if $here -}}
      {{- $entry := merge (dict) (omit $here "options" "hostPathType") ($here.options | default dict) -}}
      {{- if $first -}}{{- include "convoy.sameEntry" (dict "pool" $pool.name "one" $first "other" (dict "group" $group.name "entry" $entry)) -}}
      {{- else -}}{{- $first = dict "group" $group.name "entry" $entry -}}
      {{- end -}}
    {{- else if not $pool.segments -}}
      {{- fail (printf "pool %q is global, but node group %q does not have it: its volumes can be asked for on every node, so give it to every group, or say by its segments where it is reached" $pool.name $group.name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails unless two groups have the same entry of a pool: (dict "pool" name "one" {group, entry} "other" {group, entry}). */}}
{{- define "convoy.sameEntry" -}}
{{- range $key := concat (keys .one.entry) (keys .other.entry) | uniq | sortAlpha -}}
  {{- $one := ternary (toJson (get $.one.entry $key)) "left out" (hasKey $.one.entry $key) -}}
  {{- $other := ternary (toJson (get $.other.entry $key)) "left out" (hasKey $.other.entry $key) -}}
  {{- if ne $one $other -}}
    {{- fail (printf "pool %q is global, and so one pool for all nodes, but its %s is %s in node group %q and %s in %q: give every group the same entry, or call one of them by another name" $.pool $key $one $.one.group $other $.other.group) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "convoy.checkSegments" -}}
{{- $labels := .Values.node.topologyLabels -}}
{{- $own := printf "%s/node" .Values.driverName -}}
{{- if has $own $labels -}}
  {{- fail (printf "node.topologyLabels has %s, which the driver reports itself: leave it out" $own) -}}
{{- end -}}
{{- range $group := (include "convoy.groups" . | fromYaml).groups -}}
  {{- range $pool := $group.pools -}}
    {{- if and $pool.segments (not (include "convoy.isGlobal" $pool)) -}}
      {{- fail (printf "pool %q has segments, but it is local, and so on its node alone: leave them out, or make it global (vfs.scope: global)" $pool.name) -}}
    {{- end -}}
    {{- range $key, $value := $pool.segments -}}
      {{- if not (has $key $labels) -}}
        {{- fail (printf "pool %q has the segment %s, which is not in node.topologyLabels: no node would report it; add it there" $pool.name $key) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* Two releases of one driver name would fight over the kubelet's socket, and over each other's volumes. */}}
{{- define "convoy.checkOwner" -}}
{{- $storage := "storage.k8s.io/v1" -}}
{{- include "convoy.refuseForeign" (dict "root" . "what" "driverName" "name" .Values.driverName "found" (lookup $storage "CSIDriver" "" .Values.driverName)) -}}
{{- range $index, $class := .Values.storageClasses -}}
  {{- $what := printf "storageClasses[%d].name" $index -}}
  {{- include "convoy.refuseForeign" (dict "root" $ "what" $what "name" $class.name "found" (lookup $storage "StorageClass" "" $class.name)) -}}
{{- end -}}
{{- if include "convoy.snapshots" . -}}
{{- range $index, $class := .Values.volumeSnapshotClasses -}}
  {{- $what := printf "volumeSnapshotClasses[%d].name" $index -}}
  {{- include "convoy.refuseForeign" (dict "root" $ "what" $what "name" $class.name "found" (lookup "snapshot.storage.k8s.io/v1" "VolumeSnapshotClass" "" $class.name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails for an object of the cluster that another release made: (dict "root" $ "what" "the value" "name" … "found" the object or nil). */}}
{{- define "convoy.refuseForeign" -}}
{{- $release := .root.Release -}}
{{- $notes := dig "metadata" "annotations" dict (.found | default dict) | default dict -}}
{{- $name := get $notes "meta.helm.sh/release-name" -}}
{{- $namespace := get $notes "meta.helm.sh/release-namespace" -}}
{{- if and $name (or (ne $name $release.Name) (ne $namespace $release.Namespace)) -}}
  {{- fail (printf "%s %s belongs to release %s in namespace %s: upgrade that one, uninstall it, or give this one another (two releases need a driverName, classes and root of their own)" .what .name $name $namespace) -}}
{{- end -}}
{{- end -}}
