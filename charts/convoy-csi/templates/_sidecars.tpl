{{/* (dict "root" $ "name" "csi-…" "values" .Values.sidecars.… "args" (list …) "env" bool): what the sidecars have in common. */}}
{{- define "convoy.sidecar" -}}
- name: {{ .name }}
  image: {{ include "convoy.imageRef" (dict "image" .values.image "tag" "") }}
  imagePullPolicy: {{ .values.image.pullPolicy }}
  args:
    - --csi-address=/run/convoy/csi.sock
    - --timeout={{ .root.Values.sidecars.timeout }}
    # A node that comes back has its claims served within a minute, not within the five that are the default.
    - --retry-interval-max=1m
    - --v={{ .values.logLevel }}
    {{- range .args }}
    - {{ . }}
    {{- end }}
    {{- range .values.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  {{- if .env }}
  env:
    - name: NAMESPACE
      valueFrom:
        fieldRef: {fieldPath: metadata.namespace}
    - name: POD_NAME
      valueFrom:
        fieldRef: {fieldPath: metadata.name}
  {{- end }}
  securityContext:
    {{- include "convoy.unprivileged" .root | nindent 4 }}
  resources:
    {{- toYaml .values.resources | nindent 4 }}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - {name: socket, mountPath: /run/convoy}
{{- end -}}

{{/*
No --default-fstype: a file system type makes every claim of a directory pool unsatisfiable.
No --strict-topology: a restore is made where its data is, although the scheduler chose another node, and the pod follows.
*/}}
{{- define "convoy.provisioner" -}}
{{- $args := list "--extra-create-metadata" "--immediate-topology=true" -}}
{{- if .Values.capacity.enabled -}}
{{/* Level 2: owned by the Deployment, so that they outlive a pod and go with the release. One request a second, the default, would take
     minutes for the objects of a hundred nodes. */}}
{{- $args = concat $args (list
    "--enable-capacity"
    "--capacity-ownerref-level=2"
    "--capacity-for-immediate-binding"
    (printf "--capacity-poll-interval=%s" .Values.capacity.pollInterval)
    "--capacity-threads=4"
    "--kube-api-capacity-qps=50"
    "--kube-api-capacity-burst=100") -}}
{{- end -}}
{{- include "convoy.sidecar" (dict "root" . "name" "csi-provisioner" "values" .Values.sidecars.provisioner "args" $args "env" true) -}}
{{- end -}}

{{- define "convoy.snapshotter" -}}
{{- include "convoy.sidecar" (dict "root" . "name" "csi-snapshotter" "values" .Values.sidecars.snapshotter "args" (list "--extra-create-metadata") "env" false) -}}
{{- end -}}

{{/* handle-volume-inuse-error would watch every pod of the cluster, for drivers that cannot grow a volume in use. */}}
{{- define "convoy.resizer" -}}
{{- include "convoy.sidecar" (dict "root" . "name" "csi-resizer" "values" .Values.sidecars.resizer "args" (list "--handle-volume-inuse-error=false") "env" false) -}}
{{- end -}}
