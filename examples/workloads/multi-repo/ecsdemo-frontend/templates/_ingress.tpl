{{- /*
One Ingress of an application with one host. Takes a dict:
  values   .Values of the chart
  name     of the Ingress
  host     the first label of its host
  app      whose weight it is: <app>_route53_weight if there is one, else route53_weight
  team     for labels and tags
  service  the service behind it, with port
  port
  group    the load balancer's group, if it shares one
  protocol of the pods, if it is said
  ttl      seconds, if the record should have some of its own
Without spec.ingress.host there is no domain: no records then, and HTTP alone.
*/ -}}
{{- define "ingress" -}}
{{- $spec := .values.spec -}}
{{- $isAlb := eq $spec.ingress.type "alb" -}}
{{- $domain := default "" $spec.ingress.host -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .name }}
  labels:
    app: {{ .app | quote }}
    env: {{ $spec.env | quote }}
    team: {{ .team }}
  annotations:
    {{- if $isAlb }}
    alb.ingress.kubernetes.io/scheme: internet-facing
    alb.ingress.kubernetes.io/target-type: ip
    {{- with .group }}
    alb.ingress.kubernetes.io/group.name: {{ . }}
    {{- end }}
    alb.ingress.kubernetes.io/listen-ports: {{ ternary `[{"HTTP": 80, "HTTPS": 443}]` `[{"HTTP": 80}]` (ne $domain "") | squote }}
    {{- with .protocol }}
    alb.ingress.kubernetes.io/backend-protocol: {{ . }}
    {{- end }}
    {{- if $domain }}
    alb.ingress.kubernetes.io/ssl-redirect: "443"
    {{- end }}
    alb.ingress.kubernetes.io/tags: Environment={{ $spec.env }},Team={{ .team | title }}
    {{- end }}
    {{- if $domain }}
    external-dns.alpha.kubernetes.io/set-identifier: {{ $spec.clusterName }}
    external-dns.alpha.kubernetes.io/aws-weight: {{ include "ingress.weight" . | quote }}
    {{- with .ttl }}
    external-dns.alpha.kubernetes.io/ttl: {{ . | quote }}
    {{- end }}
    {{- end }}
spec:
  ingressClassName: {{ $spec.ingress.type }}
  rules:
    - {{ if $domain }}host: {{ .host }}.{{ $domain }}
      {{ end }}http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ .service }}
                port:
                  number: {{ .port }}
{{- end }}

{{- /* hasKey, not default: a weight of 0 is a weight, and `default` would replace it. */ -}}
{{- define "ingress.weight" -}}
{{- $key := printf "%v_route53_weight" .app -}}
{{- $ingress := .values.spec.ingress -}}
{{- if hasKey $ingress $key }}{{ index $ingress $key }}{{ else }}{{ $ingress.route53_weight }}{{ end -}}
{{- end }}
