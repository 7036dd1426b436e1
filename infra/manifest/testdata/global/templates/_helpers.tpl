{{- define "global.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- if .Values.image.digest -}}
{{ $registry }}/{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
{{- end -}}
