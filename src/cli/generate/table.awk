# Reads /proc/net/ip_vs and writes addresses and ports as -t and -r take them.
# Without "service" the virtual services of "protocol" (TCP, UDP, SCTP, FWM),
# with it the real servers of that one.
function number(hex,    value, i) {
    value = 0
    for (i = 1; i <= length(hex); i++)
        value = value * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
    return sprintf("%.0f", value)
}
function ipv4(hex) {
    return number(substr(hex, 1, 2)) "." number(substr(hex, 3, 2)) "." number(substr(hex, 5, 2)) "." number(substr(hex, 7, 2))
}
# The longest run of two or more zero groups becomes "::".
function ipv6(long,    group, i, run, from, most, text) {
    split(long, group, ":")
    run = most = 0
    for (i = 1; i <= 8; i++) {
        run = group[i] == "0000" ? run + 1 : 0
        if (run > most) { most = run; from = i - run + 1 }
    }
    text = ""
    for (i = 1; i <= 8; i++) {
        if (most > 1 && i == from) { text = text "::"; i += most - 1; continue }
        sub(/^0+/, "", group[i])
        if (text != "" && text !~ /::$/) text = text ":"
        text = text (group[i] == "" ? "0" : group[i])
    }
    return text
}
function endpoint(text,    host, port) {
    port = number(substr(text, length(text) - 3))
    host = substr(text, 1, length(text) - 5)
    if (length(host) == 8) return ipv4(host) ":" port
    return "[" ipv6(substr(host, 2, length(host) - 2)) "]:" port
}
BEGIN { service = tolower(service) }
$1 == "TCP" || $1 == "UDP" || $1 == "SCTP" || $1 == "FWM" {
    name = $1 == "FWM" ? number(tolower($2)) : endpoint(tolower($2))
    inside = $1 == protocol && (name == service || name == service ":0")
    if (service == "" && $1 == protocol && !seen[name]++) print name
}
$1 == "->" && inside && $2 !~ /^Remote/ {
    name = endpoint(tolower($2))
    if (!seen[name]++) print name
}
