{{/* Names: 40 characters leave room for the longest suffix within a Service's 63. */}}
{{- define "convoy.fullname" -}}
{{- $name := .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name)) -}}
{{- trunc 40 $name | trimSuffix "-" -}}
{{- end -}}

{{/* For objects without a namespace: releases of one name in two namespaces do not collide. */}}
{{- define "convoy.clusterName" -}}
{{- $name := include "convoy.fullname" . -}}
{{- ternary $name (printf "%s-%s" .Release.Namespace $name) (eq .Release.Namespace $name) -}}
{{- end -}}

{{- define "convoy.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "convoy.labels" -}}
{{ include "convoy.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (dict "image" .Values.image "tag" "default") */}}
{{- define "convoy.imageRef" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{- define "convoy.image" -}}
{{- include "convoy.imageRef" (dict "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end -}}

{{- define "convoy.pullSecrets" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* "true" or "". The classes and the sidecar go together: either without the CRDs is an error or a crash loop. */}}
{{- define "convoy.snapshots" -}}
{{- if or (eq .Values.snapshots "always") (and (eq .Values.snapshots "auto") (.Capabilities.APIVersions.Has "snapshot.storage.k8s.io/v1")) -}}true{{- end -}}
{{- end -}}

{{/* Of a list of classes; "" without any. */}}
{{- define "convoy.firstName" -}}
{{- range $index, $class := . -}}{{- if eq $index 0 -}}{{ $class.name }}{{- end -}}{{- end -}}
{{- end -}}

{{- define "convoy.kubeletDir" -}}
{{- trimSuffix "/" .Values.kubeletDir -}}
{{- end -}}

{{- define "convoy.nodeSocket" -}}
{{- printf "%s/plugins/%s/csi.sock" (include "convoy.kubeletDir" .) .Values.driverName -}}
{{- end -}}

{{/* What every container that is not the node's has. */}}
{{- define "convoy.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
What the controller's own container has where it manages a pool: root, because a server of files asks who the caller is, and what
copying the files of others takes. No privilege: it mounts nothing. Its group is root's, so that the pool's files are; the socket
has the group of its directory, which is the pod's fsGroup.
*/}}
{{- define "convoy.copying" -}}
runAsNonRoot: false
runAsUser: 0
runAsGroup: 0
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP]
{{- end -}}

{{- define "convoy.nonRootPod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
