{{/*
The drivers whose volumes must be attached to a node before it can mount them: none. What depends on it is made from this list: the
CSIDriver's attachRequired, which holds for every volume of a driver name and cannot be changed later.
*/}}
{{- define "convoy.attachingDrivers" -}}
drivers: []
{{- end -}}

{{/* "true" or "false". Fails for pools of both kinds: half of the volumes could not be used, whatever it said. */}}
{{- define "convoy.attachRequired" -}}
{{- $attaching := (include "convoy.attachingDrivers" . | fromYaml).drivers -}}
{{- $yes := list -}}
{{- $no := list -}}
{{- range (include "convoy.allPools" . | fromYaml).pools -}}
  {{- if has .driver $attaching -}}{{- $yes = append $yes .name -}}{{- else -}}{{- $no = append $no .name -}}{{- end -}}
{{- end -}}
{{- if and $yes $no -}}
  {{- fail (printf "pools %s are of drivers that attach volumes to nodes, pools %s are not: attachRequired of CSIDriver %s is one for all of them, and fixed once it is made; serve them by two releases (each needs a driverName, classes and root of its own)" (join ", " $yes) (join ", " $no) .Values.driverName) -}}
{{- end -}}
{{- gt (len $yes) 0 -}}
{{- end -}}
