# SPDX-License-Identifier: MIT
#
# Completion of ipvsadm, ipvsadm-save and ipvsadm-restore for bash, with the
# package bash-completion. The parts between "begin" and "end" are generated.

# begin tables
# All commands.
_ipvsadm_commands() {
    REPLY='add-service edit-service delete-service clear restore save apply diff compare-connections add-server edit-server delete-server list zero set start-daemon stop-daemon drain doctor report help version'
}

# The options that may stand before the command.
_ipvsadm_leading() {
    REPLY='netns'
}

# The name of a command or option.
_ipvsadm_name() {
    case $1 in
        -A | --add-service) REPLY='add-service' ;;
        -E | --edit-service) REPLY='edit-service' ;;
        -D | --delete-service) REPLY='delete-service' ;;
        -C | --clear) REPLY='clear' ;;
        -R | --restore) REPLY='restore' ;;
        -S | --save) REPLY='save' ;;
        --apply) REPLY='apply' ;;
        --diff) REPLY='diff' ;;
        --compare-connections) REPLY='compare-connections' ;;
        -a | --add-server) REPLY='add-server' ;;
        -e | --edit-server) REPLY='edit-server' ;;
        -d | --delete-server) REPLY='delete-server' ;;
        -L | -l | --list) REPLY='list' ;;
        -Z | --zero) REPLY='zero' ;;
        --set) REPLY='set' ;;
        --start-daemon) REPLY='start-daemon' ;;
        --stop-daemon) REPLY='stop-daemon' ;;
        --drain) REPLY='drain' ;;
        --doctor) REPLY='doctor' ;;
        --report) REPLY='report' ;;
        -h | --help) REPLY='help' ;;
        -v | --version) REPLY='version' ;;
        -t | --tcp-service) REPLY='tcp-service' ;;
        -u | --udp-service) REPLY='udp-service' ;;
        --sctp-service) REPLY='sctp-service' ;;
        -f | --fwmark-service) REPLY='fwmark-service' ;;
        -6 | --ipv6) REPLY='ipv6' ;;
        -s | --scheduler) REPLY='scheduler' ;;
        -b | --sched-flags) REPLY='sched-flags' ;;
        -p | --persistent) REPLY='persistent' ;;
        -M | --netmask) REPLY='netmask' ;;
        --pe) REPLY='pe' ;;
        -o | --ops) REPLY='ops' ;;
        -r | --real-server) REPLY='real-server' ;;
        -g | --gatewaying) REPLY='gatewaying' ;;
        -i | --ipip) REPLY='ipip' ;;
        -m | --masquerading) REPLY='masquerading' ;;
        --tun-type) REPLY='tun-type' ;;
        --tun-port) REPLY='tun-port' ;;
        --tun-nocsum) REPLY='tun-nocsum' ;;
        --tun-csum) REPLY='tun-csum' ;;
        --tun-remcsum) REPLY='tun-remcsum' ;;
        -w | --weight) REPLY='weight' ;;
        -x | --u-threshold) REPLY='u-threshold' ;;
        -y | --l-threshold) REPLY='l-threshold' ;;
        --keep) REPLY='keep' ;;
        --exist) REPLY='exist' ;;
        -n | --numeric) REPLY='numeric' ;;
        -c | --connection) REPLY='connection' ;;
        --client) REPLY='client' ;;
        --state) REPLY='state' ;;
        --protocol) REPLY='protocol' ;;
        --summary) REPLY='summary' ;;
        --top) REPLY='top' ;;
        --timeout) REPLY='timeout' ;;
        --daemon) REPLY='daemon' ;;
        --stats) REPLY='stats' ;;
        --rate) REPLY='rate' ;;
        --thresholds) REPLY='thresholds' ;;
        --persistent-conn) REPLY='persistent-conn' ;;
        --tun-info) REPLY='tun-info' ;;
        --output) REPLY='output' ;;
        --totals) REPLY='totals' ;;
        --output-file) REPLY='output-file' ;;
        --watch) REPLY='watch' ;;
        --count) REPLY='count' ;;
        --changes) REPLY='changes' ;;
        -X | --exact) REPLY='exact' ;;
        --nosort) REPLY='nosort' ;;
        --sort) REPLY='sort' ;;
        --strict) REPLY='strict' ;;
        --check) REPLY='check' ;;
        --scope) REPLY='scope' ;;
        --keep-weights) REPLY='keep-weights' ;;
        --add-only) REPLY='add-only' ;;
        --dry-run) REPLY='dry-run' ;;
        --idle) REPLY='idle' ;;
        --remove) REPLY='remove' ;;
        --undo) REPLY='undo' ;;
        --redact) REPLY='redact' ;;
        --wait) REPLY='wait' ;;
        --color) REPLY='color' ;;
        --mcast-interface) REPLY='mcast-interface' ;;
        --syncid) REPLY='syncid' ;;
        --sync-maxlen) REPLY='sync-maxlen' ;;
        --mcast-group) REPLY='mcast-group' ;;
        --mcast-port) REPLY='mcast-port' ;;
        --mcast-ttl) REPLY='mcast-ttl' ;;
        --json) REPLY='json' ;;
        --netns) REPLY='netns' ;;
        --interface) REPLY='interface' ;;
        *) REPLY= ;;
    esac
}

# All ways to write a command or option.
_ipvsadm_forms() {
    case $1 in
        add-service) REPLY='-A --add-service' ;;
        edit-service) REPLY='-E --edit-service' ;;
        delete-service) REPLY='-D --delete-service' ;;
        clear) REPLY='-C --clear' ;;
        restore) REPLY='-R --restore' ;;
        save) REPLY='-S --save' ;;
        apply) REPLY='--apply' ;;
        diff) REPLY='--diff' ;;
        compare-connections) REPLY='--compare-connections' ;;
        add-server) REPLY='-a --add-server' ;;
        edit-server) REPLY='-e --edit-server' ;;
        delete-server) REPLY='-d --delete-server' ;;
        list) REPLY='-L -l --list' ;;
        zero) REPLY='-Z --zero' ;;
        set) REPLY='--set' ;;
        start-daemon) REPLY='--start-daemon' ;;
        stop-daemon) REPLY='--stop-daemon' ;;
        drain) REPLY='--drain' ;;
        doctor) REPLY='--doctor' ;;
        report) REPLY='--report' ;;
        help) REPLY='-h --help' ;;
        version) REPLY='-v --version' ;;
        tcp-service) REPLY='-t --tcp-service' ;;
        udp-service) REPLY='-u --udp-service' ;;
        sctp-service) REPLY='--sctp-service' ;;
        fwmark-service) REPLY='-f --fwmark-service' ;;
        ipv6) REPLY='-6 --ipv6' ;;
        scheduler) REPLY='-s --scheduler' ;;
        sched-flags) REPLY='-b --sched-flags' ;;
        persistent) REPLY='-p --persistent' ;;
        netmask) REPLY='-M --netmask' ;;
        pe) REPLY='--pe' ;;
        ops) REPLY='-o --ops' ;;
        real-server) REPLY='-r --real-server' ;;
        gatewaying) REPLY='-g --gatewaying' ;;
        ipip) REPLY='-i --ipip' ;;
        masquerading) REPLY='-m --masquerading' ;;
        tun-type) REPLY='--tun-type' ;;
        tun-port) REPLY='--tun-port' ;;
        tun-nocsum) REPLY='--tun-nocsum' ;;
        tun-csum) REPLY='--tun-csum' ;;
        tun-remcsum) REPLY='--tun-remcsum' ;;
        weight) REPLY='-w --weight' ;;
        u-threshold) REPLY='-x --u-threshold' ;;
        l-threshold) REPLY='-y --l-threshold' ;;
        keep) REPLY='--keep' ;;
        exist) REPLY='--exist' ;;
        numeric) REPLY='-n --numeric' ;;
        connection) REPLY='-c --connection' ;;
        client) REPLY='--client' ;;
        state) REPLY='--state' ;;
        protocol) REPLY='--protocol' ;;
        summary) REPLY='--summary' ;;
        top) REPLY='--top' ;;
        timeout) REPLY='--timeout' ;;
        daemon) REPLY='--daemon' ;;
        stats) REPLY='--stats' ;;
        rate) REPLY='--rate' ;;
        thresholds) REPLY='--thresholds' ;;
        persistent-conn) REPLY='--persistent-conn' ;;
        tun-info) REPLY='--tun-info' ;;
        output) REPLY='--output' ;;
        totals) REPLY='--totals' ;;
        output-file) REPLY='--output-file' ;;
        watch) REPLY='--watch' ;;
        count) REPLY='--count' ;;
        changes) REPLY='--changes' ;;
        exact) REPLY='-X --exact' ;;
        nosort) REPLY='--nosort' ;;
        sort) REPLY='--sort' ;;
        strict) REPLY='--strict' ;;
        check) REPLY='--check' ;;
        scope) REPLY='--scope' ;;
        keep-weights) REPLY='--keep-weights' ;;
        add-only) REPLY='--add-only' ;;
        dry-run) REPLY='--dry-run' ;;
        idle) REPLY='--idle' ;;
        remove) REPLY='--remove' ;;
        undo) REPLY='--undo' ;;
        redact) REPLY='--redact' ;;
        wait) REPLY='--wait' ;;
        color) REPLY='--color' ;;
        mcast-interface) REPLY='--mcast-interface' ;;
        syncid) REPLY='--syncid' ;;
        sync-maxlen) REPLY='--sync-maxlen' ;;
        mcast-group) REPLY='--mcast-group' ;;
        mcast-port) REPLY='--mcast-port' ;;
        mcast-ttl) REPLY='--mcast-ttl' ;;
        json) REPLY='--json' ;;
        netns) REPLY='--netns' ;;
        interface) REPLY='--interface' ;;
        *) REPLY= ;;
    esac
}

# Whether a value follows.
_ipvsadm_takes() {
    case $1 in
        start-daemon) REPLY='required' ;;
        stop-daemon) REPLY='required' ;;
        tcp-service) REPLY='required' ;;
        udp-service) REPLY='required' ;;
        sctp-service) REPLY='required' ;;
        fwmark-service) REPLY='required' ;;
        scheduler) REPLY='required' ;;
        sched-flags) REPLY='required' ;;
        persistent) REPLY='optional' ;;
        netmask) REPLY='required' ;;
        pe) REPLY='required' ;;
        real-server) REPLY='required' ;;
        tun-type) REPLY='required' ;;
        tun-port) REPLY='required' ;;
        weight) REPLY='required' ;;
        u-threshold) REPLY='required' ;;
        l-threshold) REPLY='required' ;;
        client) REPLY='required' ;;
        state) REPLY='required' ;;
        protocol) REPLY='required' ;;
        top) REPLY='required' ;;
        output) REPLY='required' ;;
        output-file) REPLY='required' ;;
        watch) REPLY='optional' ;;
        count) REPLY='required' ;;
        scope) REPLY='required' ;;
        wait) REPLY='optional' ;;
        color) REPLY='attached' ;;
        mcast-interface) REPLY='required' ;;
        syncid) REPLY='required' ;;
        sync-maxlen) REPLY='required' ;;
        mcast-group) REPLY='required' ;;
        mcast-port) REPLY='required' ;;
        mcast-ttl) REPLY='required' ;;
        netns) REPLY='required' ;;
        interface) REPLY='required' ;;
        *) REPLY= ;;
    esac
}

# Where its values come from.
_ipvsadm_source() {
    case $1 in
        start-daemon) REPLY='roles' ;;
        stop-daemon) REPLY='roles' ;;
        tcp-service) REPLY='TCP' ;;
        udp-service) REPLY='UDP' ;;
        sctp-service) REPLY='SCTP' ;;
        fwmark-service) REPLY='FWM' ;;
        scheduler) REPLY='schedulers' ;;
        sched-flags) REPLY='flags' ;;
        pe) REPLY='engines' ;;
        real-server) REPLY='servers' ;;
        tun-type) REPLY='tunnels' ;;
        state) REPLY='states' ;;
        protocol) REPLY='protocols' ;;
        output) REPLY='forms' ;;
        color) REPLY='colours' ;;
        mcast-interface) REPLY='interfaces' ;;
        netns) REPLY='namespaces' ;;
        interface) REPLY='kernel_interfaces' ;;
        *) REPLY= ;;
    esac
}

# The options that go with a command.
_ipvsadm_legal() {
    case $1 in
        add-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 scheduler sched-flags persistent netmask pe ops exist json netns interface' ;;
        edit-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 scheduler sched-flags persistent netmask pe ops keep json netns interface' ;;
        delete-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 exist json netns interface' ;;
        clear) REPLY='json netns interface' ;;
        restore) REPLY='exist strict check json netns interface' ;;
        save) REPLY='numeric json netns interface' ;;
        apply) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 check scope keep-weights add-only dry-run wait color json netns interface' ;;
        diff) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 scope keep-weights add-only color json netns interface' ;;
        compare-connections) REPLY='json netns interface' ;;
        add-server) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum weight u-threshold l-threshold exist json netns interface' ;;
        edit-server) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum weight u-threshold l-threshold keep json netns interface' ;;
        delete-server) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server exist json netns interface' ;;
        list) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server numeric connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn tun-info output watch exact nosort sort color syncid json netns interface' ;;
        zero) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 json netns interface' ;;
        set) REPLY='json netns interface' ;;
        start-daemon) REPLY='mcast-interface syncid sync-maxlen mcast-group mcast-port mcast-ttl json netns interface' ;;
        stop-daemon) REPLY='syncid json netns interface' ;;
        drain) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server idle remove undo wait json netns interface' ;;
        doctor) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server color json netns interface' ;;
        report) REPLY='redact json netns interface' ;;
        *) REPLY= ;;
    esac
}

# What may not follow an option; with = only that value of it.
_ipvsadm_excludes() {
    case $1 in
        tcp-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 ops timeout daemon' ;;
        udp-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 timeout daemon' ;;
        sctp-service) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 ops timeout daemon' ;;
        fwmark-service) REPLY='tcp-service udp-service sctp-service fwmark-service timeout daemon' ;;
        ipv6) REPLY='tcp-service udp-service sctp-service ipv6 timeout daemon' ;;
        scheduler) REPLY='scheduler' ;;
        sched-flags) REPLY='sched-flags' ;;
        persistent) REPLY='persistent' ;;
        netmask) REPLY='netmask' ;;
        pe) REPLY='pe' ;;
        ops) REPLY='tcp-service sctp-service ops' ;;
        real-server) REPLY='real-server timeout daemon stats rate thresholds' ;;
        gatewaying) REPLY='gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum' ;;
        ipip) REPLY='gatewaying ipip masquerading' ;;
        masquerading) REPLY='gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum' ;;
        tun-type=ipip) REPLY='gatewaying masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum' ;;
        tun-type=gue) REPLY='gatewaying masquerading tun-type' ;;
        tun-type=gre) REPLY='gatewaying masquerading tun-type tun-port tun-remcsum' ;;
        tun-port) REPLY='gatewaying masquerading tun-type=ipip tun-type=gre tun-port' ;;
        tun-nocsum) REPLY='gatewaying masquerading tun-type=ipip tun-nocsum tun-csum tun-remcsum' ;;
        tun-csum) REPLY='gatewaying masquerading tun-type=ipip tun-nocsum tun-csum tun-remcsum' ;;
        tun-remcsum) REPLY='gatewaying masquerading tun-type=ipip tun-type=gre tun-nocsum tun-csum tun-remcsum' ;;
        weight) REPLY='weight' ;;
        u-threshold) REPLY='u-threshold' ;;
        l-threshold) REPLY='l-threshold' ;;
        keep) REPLY='keep' ;;
        exist) REPLY='exist' ;;
        numeric) REPLY='numeric' ;;
        connection) REPLY='connection timeout daemon stats rate thresholds' ;;
        client) REPLY='client timeout daemon stats rate thresholds' ;;
        state) REPLY='state timeout daemon stats rate thresholds' ;;
        protocol) REPLY='protocol timeout daemon stats rate thresholds' ;;
        summary) REPLY='summary timeout daemon stats rate thresholds' ;;
        top) REPLY='top timeout daemon stats rate thresholds' ;;
        timeout) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn output watch' ;;
        daemon) REPLY='tcp-service udp-service sctp-service fwmark-service ipv6 real-server connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn watch' ;;
        stats) REPLY='real-server connection client state protocol summary top timeout daemon stats' ;;
        rate) REPLY='real-server connection client state protocol summary top timeout daemon rate' ;;
        thresholds) REPLY='real-server connection client state protocol summary top timeout daemon thresholds' ;;
        persistent-conn) REPLY='timeout daemon persistent-conn' ;;
        tun-info) REPLY='tun-info' ;;
        output) REPLY='timeout output json' ;;
        totals) REPLY='totals' ;;
        output-file) REPLY='output-file' ;;
        watch) REPLY='timeout daemon watch' ;;
        count) REPLY='count' ;;
        changes) REPLY='changes' ;;
        exact) REPLY='exact' ;;
        nosort) REPLY='nosort' ;;
        sort) REPLY='sort' ;;
        strict) REPLY='strict' ;;
        check) REPLY='check dry-run wait' ;;
        scope) REPLY='' ;;
        keep-weights) REPLY='keep-weights' ;;
        add-only) REPLY='add-only' ;;
        dry-run) REPLY='check dry-run wait' ;;
        idle) REPLY='idle undo' ;;
        remove) REPLY='remove undo' ;;
        undo) REPLY='idle remove undo wait' ;;
        redact) REPLY='redact' ;;
        wait) REPLY='check dry-run undo wait' ;;
        color) REPLY='color' ;;
        mcast-interface) REPLY='mcast-interface' ;;
        syncid) REPLY='syncid' ;;
        sync-maxlen) REPLY='sync-maxlen' ;;
        mcast-group) REPLY='mcast-group' ;;
        mcast-port) REPLY='mcast-port' ;;
        mcast-ttl) REPLY='mcast-ttl' ;;
        json) REPLY='output json' ;;
        netns) REPLY='netns' ;;
        interface) REPLY='interface' ;;
        *) REPLY= ;;
    esac
}

# What has to stand before an option.
_ipvsadm_needs() {
    case $1 in
        ipv6) REPLY='fwmark-service' ;;
        *) REPLY= ;;
    esac
}

# The flags of a scheduler.
_ipvsadm_flags() {
    case $1 in
        '') REPLY='sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3' ;;
        sh) REPLY='sh-fallback sh-port flag-1 flag-2 flag-3' ;;
        mh) REPLY='mh-fallback mh-port flag-1 flag-2 flag-3' ;;
        ?*) REPLY='flag-1 flag-2 flag-3' ;;
        *) REPLY= ;;
    esac
}
# end

# begin words
# Values from a fixed set.
_ipvsadm_words() {
    case $1 in
        roles) REPLY='master backup' ;;
        schedulers) REPLY='rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos' ;;
        engines) REPLY='sip' ;;
        tunnels) REPLY='ipip gue gre' ;;
        states) REPLY='ESTABLISHED SYN_SENT SYN_RECV SYNACK FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE LISTEN UDP INIT1 INIT C-SENT C-REPLIED C-WAIT COOKIE C-ECHOED S-SENT S-RECEIVED S-ACK-SENT REJECTED CLOSED NONE ASSURED' ;;
        protocols) REPLY='tcp udp sctp ip' ;;
        forms) REPLY='classic wide json openmetrics' ;;
        colours) REPLY='auto always never' ;;
        kernel_interfaces) REPLY='netlink sockopt' ;;
        *) REPLY= ;;
    esac
}
# end

# The table of virtual services: readable without root, and there only when
# the module is loaded.
_ipvsadm_table() {
    cat /proc/net/ip_vs 2>/dev/null
}

# begin awk
_ipvsadm_awk() {
    _ipvsadm_table | awk -v protocol="$1" -v service="$2" '
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
' 2>/dev/null
}
# end

# The modules of IPVS that this kernel has, ip_vs_NAME.
_ipvsadm_modules() {
    local release file
    read -r release 2>/dev/null </proc/sys/kernel/osrelease
    for file in "/lib/modules/$release/kernel/net/netfilter/ipvs/"ip_vs_*.ko*; do
        # Where nothing matches, the pattern itself is left.
        [[ -e $file ]] || continue
        file=${file##*/}
        echo "${file%%.ko*}"
    done
}

# The network namespaces that have a name.
_ipvsadm_namespaces() {
    local file
    for file in /run/netns/*; do
        [[ ! -e $file ]] || echo "${file##*/}"
    done
}

_ipvsadm_interfaces() {
    local directory
    for directory in /sys/class/net/*/; do
        directory=${directory%/}
        echo "${directory##*/}"
    done
}

# Reads the words before the cursor as the program does. Sets, in the caller:
# command; given, the names of the options, and name=value for those with a
# value; pending, the option that the next word is the value of; file, the file
# of -R; and broken, when nothing more can follow.
_ipvsadm_scan() {
    local word name value letters REPLY
    command= given=() pending= file= broken=
    for word; do
        if [[ $pending ]]; then
            _ipvsadm_takes "$pending"
            if [[ $REPLY == required || $word != -* ]]; then
                given+=("$pending=$word")
                pending=
                continue
            fi
            pending=
        fi
        case $word in
            --)
                broken=1
                return
                ;;
            --*)
                _ipvsadm_name "${word%%=*}"
                _ipvsadm_note "$REPLY" || return
                _ipvsadm_takes "$name"
                if [[ $word == *=* ]]; then
                    given+=("$name=${word#*=}")
                elif [[ $REPLY == required || $REPLY == optional ]]; then
                    pending=$name
                fi
                ;;
            -?*)
                letters=${word#-}
                while [[ $letters ]]; do
                    _ipvsadm_name "-${letters:0:1}"
                    letters=${letters:1}
                    _ipvsadm_note "$REPLY" || return
                    _ipvsadm_takes "$name"
                    [[ $REPLY ]] || continue
                    if [[ $letters ]]; then
                        given+=("$name=${letters#=}")
                    else
                        pending=$name
                    fi
                    break
                done
                ;;
            *)
                # Only --set takes plain words and nothing else; -R, --apply, --diff
                # and --compare-connections take a file.
                if [[ ! $command =~ ^(restore|apply|diff|compare-connections)$ || $file ]]; then
                    broken=1
                    return
                fi
                file=$word
                ;;
        esac
    done
}

# Notes a command or option. The first has to be a command, but for options that may
# stand before it; the others may not.
_ipvsadm_note() {
    local commands REPLY
    name=$1
    _ipvsadm_commands
    commands=$REPLY
    _ipvsadm_leading
    if [[ $name && ! $command && " $commands " == *" $name "* ]]; then
        command=$name
    elif [[ $name && $command && " $commands " != *" $name "* ]]; then
        given+=("$name")
    elif [[ $name && ! $command && " $REPLY " == *" $name "* ]]; then
        given+=("$name")
    else
        broken=1
        return 1
    fi
}

# What was given for an option.
_ipvsadm_given() {
    local item
    REPLY=
    for item in "${given[@]}"; do
        [[ $item != "$1="* ]] || REPLY=${item#*=}
    done
}

# All that what is given rules out.
_ipvsadm_excluded() {
    local item all=
    for item in "${given[@]}"; do
        _ipvsadm_excludes "$item"
        all+=" $REPLY"
    done
    REPLY=" $all "
}

# Every way to write the options that may come next, in candidates.
_ipvsadm_options() {
    local name names excluded form REPLY
    if [[ ! $command ]]; then
        _ipvsadm_commands
        names=$REPLY
        _ipvsadm_leading
        names+=" $REPLY"
    else
        _ipvsadm_legal "$command"
        names=$REPLY
    fi
    _ipvsadm_excluded
    excluded=$REPLY
    for name in $names; do
        [[ $excluded != *" $name "* ]] || continue
        _ipvsadm_needs "$name"
        [[ ! $REPLY || " ${given[*]} " == *" $REPLY "* ]] || continue
        _ipvsadm_forms "$name"
        for form in $REPLY; do
            candidates+=("$form")
        done
    done
}

# The values that an option may have, in candidates.
_ipvsadm_values() {
    local option=$1 typed=$2 item source chosen REPLY
    _ipvsadm_source "$option"
    source=$REPLY
    # What is in another network namespace, only root can see.
    _ipvsadm_given netns
    [[ ! $REPLY || ! $source =~ ^(TCP|UDP|SCTP|FWM|servers|interfaces)$ ]] || return
    case $source in
        TCP | UDP | SCTP | FWM)
            # What is to be added is not there yet.
            [[ $command == add-service ]] ||
                mapfile -t candidates < <(_ipvsadm_awk "$source" '')
            ;;
        servers)
            [[ $command != add-server ]] || return
            for item in tcp udp sctp fwmark; do
                _ipvsadm_given "$item-service"
                [[ $REPLY ]] || continue
                chosen=${REPLY//[\\\'\"]/}
                _ipvsadm_source "$item-service"
                mapfile -t candidates < <(_ipvsadm_awk "$REPLY" "$chosen")
            done
            ;;
        flags)
            _ipvsadm_given scheduler
            _ipvsadm_flags "$REPLY"
            chosen=
            [[ $typed != *,* ]] || chosen=${typed%,*},
            for item in $REPLY; do
                [[ ,$chosen == *",$item,"* ]] || candidates+=("$chosen$item")
            done
            ;;
        interfaces)
            mapfile -t candidates < <(_ipvsadm_interfaces)
            ;;
        namespaces)
            if [[ $typed == */* ]]; then
                compopt -o filenames 2>/dev/null
                mapfile -t candidates < <(compgen -f -- "$typed")
            else
                mapfile -t candidates < <(_ipvsadm_namespaces)
            fi
            ;;
        ?*)
            _ipvsadm_words "$source"
            chosen=" $REPLY "
            while read -r item; do
                case $source,$item in
                    engines,ip_vs_pe_*) item=${item#ip_vs_pe_} ;;
                    schedulers,ip_vs_pe_* | schedulers,ip_vs_ftp) continue ;;
                    schedulers,ip_vs_*) item=${item#ip_vs_} ;;
                    *) continue ;;
                esac
                [[ $chosen == *" $item "* ]] || chosen+="$item "
            done < <(_ipvsadm_modules)
            _ipvsadm_excluded
            for item in $chosen; do
                [[ $REPLY == *" $option=$item "* ]] || candidates+=("$item")
            done
            ;;
    esac
}

_ipvsadm() {
    local cur words cword typed prefix='' candidate
    local command pending file broken name REPLY
    local -a given candidates=()
    COMPREPLY=()
    # Addresses have colons, which readline would split words at.
    _get_comp_words_by_ref -n =: cur words cword || return
    _ipvsadm_scan "${words[@]:1:cword-1}"
    [[ ! $broken ]] || return
    typed=$cur
    _ipvsadm_takes "$pending"
    if [[ $REPLY == required || $REPLY == optional && $cur != -* ]]; then
        _ipvsadm_values "$pending" "$cur"
        [[ $REPLY == required ]] || _ipvsadm_options
    elif [[ $cur == --*=* ]]; then
        _ipvsadm_name "${cur%%=*}"
        name=$REPLY
        _ipvsadm_takes "$name"
        [[ $REPLY ]] || return
        # The first word is a command, whose value may stand there too.
        [[ $command ]] || command=$name
        prefix=${cur%%=*}=
        typed=${cur#*=}
        _ipvsadm_values "$name" "$typed"
    else
        _ipvsadm_options
    fi
    # Where readline splits at "=", it keeps what is before.
    [[ $COMP_WORDBREAKS != *=* ]] || prefix=
    for candidate in "${candidates[@]}"; do
        [[ $candidate != "$typed"* ]] || COMPREPLY+=("$prefix$candidate")
    done
    if [[ $command =~ ^(restore|apply|diff|compare-connections)$ && ! $file && $cur != -* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
    fi
    __ltrim_colon_completions "$typed"
}
complete -F _ipvsadm ipvsadm

_ipvsadm_wrapper() {
    local options='--strict --check --exist --keep-weights --json --netns --interface -h'
    [[ ${1##*/} != ipvsadm-save ]] || options='-n --json --netns --interface -h'
    [[ $3 != --netns ]] || options=$(_ipvsadm_namespaces)
    [[ $3 != --interface ]] || options='netlink sockopt'
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$2")
}
complete -F _ipvsadm_wrapper ipvsadm-save ipvsadm-restore
