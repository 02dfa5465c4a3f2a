checksum {{ .Values.a }}
