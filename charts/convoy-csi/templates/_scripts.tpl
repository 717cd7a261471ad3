{{/* (list "hook" "weight"): of what a hook's pod needs. It goes when the hook succeeded, and before the next one is made. */}}
{{- define "convoy.hook" -}}
{"helm.sh/hook": {{ index . 0 }}, "helm.sh/hook-weight": "{{ index . 1 }}", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
{{- end -}}

{{/* A pod that runs a script of files/ in our own image: (dict "root" $ "name" …), the ServiceAccount's and the ConfigMap's name. */}}
{{- define "convoy.scriptPod" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
securityContext:
  {{- include "convoy.nonRootPod" .root | nindent 2 }}
nodeSelector:
  {{- toYaml (merge (dict) .root.Values.controller.nodeSelector (dict "kubernetes.io/os" "linux")) | nindent 2 }}
{{- with .root.Values.controller.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "convoy.pullSecrets" .root }}
{{ . }}
{{- end }}
volumes:
  - name: scripts
    configMap:
      name: {{ .name }}
{{- end -}}

{{- define "convoy.scriptContainer" -}}
image: {{ include "convoy.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "convoy.unprivileged" . | nindent 2 }}
resources:
  requests: {cpu: 10m, memory: 64Mi}
  limits: {memory: 192Mi}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - {name: scripts, mountPath: /scripts, readOnly: true}
{{- end -}}
