{{ define "one" }}one({{ . }}){{ end }}
{{ define "over" }}first{{ end }}
{{ define "two" }}{{ template "one" .x }}{{ template "nodot" }}{{ end }}
{{ define "nodot" }}[{{ . }}]{{ end }}
