# SPDX-License-Identifier: MIT
#
# Completion of ipvsadm, ipvsadm-save and ipvsadm-restore for fish. The parts
# between "begin" and "end" are generated.

# begin tables
# All commands.
function __ipvsadm_commands
    switch "$argv[1]"
        case '*'
            printf '%s\n' add-service edit-service delete-service clear restore save apply diff compare-connections add-server edit-server delete-server list zero set start-daemon stop-daemon drain doctor report help version
    end
end

# The options that may stand before the command.
function __ipvsadm_leading
    switch "$argv[1]"
        case '*'
            printf '%s\n' netns
    end
end

# The name of a command or option.
function __ipvsadm_name
    switch "$argv[1]"
        case -A --add-service
            printf '%s\n' add-service
        case -E --edit-service
            printf '%s\n' edit-service
        case -D --delete-service
            printf '%s\n' delete-service
        case -C --clear
            printf '%s\n' clear
        case -R --restore
            printf '%s\n' restore
        case -S --save
            printf '%s\n' save
        case --apply
            printf '%s\n' apply
        case --diff
            printf '%s\n' diff
        case --compare-connections
            printf '%s\n' compare-connections
        case -a --add-server
            printf '%s\n' add-server
        case -e --edit-server
            printf '%s\n' edit-server
        case -d --delete-server
            printf '%s\n' delete-server
        case -L -l --list
            printf '%s\n' list
        case -Z --zero
            printf '%s\n' zero
        case --set
            printf '%s\n' set
        case --start-daemon
            printf '%s\n' start-daemon
        case --stop-daemon
            printf '%s\n' stop-daemon
        case --drain
            printf '%s\n' drain
        case --doctor
            printf '%s\n' doctor
        case --report
            printf '%s\n' report
        case -h --help
            printf '%s\n' help
        case -v --version
            printf '%s\n' version
        case -t --tcp-service
            printf '%s\n' tcp-service
        case -u --udp-service
            printf '%s\n' udp-service
        case --sctp-service
            printf '%s\n' sctp-service
        case -f --fwmark-service
            printf '%s\n' fwmark-service
        case -6 --ipv6
            printf '%s\n' ipv6
        case -s --scheduler
            printf '%s\n' scheduler
        case -b --sched-flags
            printf '%s\n' sched-flags
        case -p --persistent
            printf '%s\n' persistent
        case -M --netmask
            printf '%s\n' netmask
        case --pe
            printf '%s\n' pe
        case -o --ops
            printf '%s\n' ops
        case -r --real-server
            printf '%s\n' real-server
        case -g --gatewaying
            printf '%s\n' gatewaying
        case -i --ipip
            printf '%s\n' ipip
        case -m --masquerading
            printf '%s\n' masquerading
        case --tun-type
            printf '%s\n' tun-type
        case --tun-port
            printf '%s\n' tun-port
        case --tun-nocsum
            printf '%s\n' tun-nocsum
        case --tun-csum
            printf '%s\n' tun-csum
        case --tun-remcsum
            printf '%s\n' tun-remcsum
        case -w --weight
            printf '%s\n' weight
        case -x --u-threshold
            printf '%s\n' u-threshold
        case -y --l-threshold
            printf '%s\n' l-threshold
        case --keep
            printf '%s\n' keep
        case --exist
            printf '%s\n' exist
        case -n --numeric
            printf '%s\n' numeric
        case -c --connection
            printf '%s\n' connection
        case --client
            printf '%s\n' client
        case --state
            printf '%s\n' state
        case --protocol
            printf '%s\n' protocol
        case --summary
            printf '%s\n' summary
        case --top
            printf '%s\n' top
        case --timeout
            printf '%s\n' timeout
        case --daemon
            printf '%s\n' daemon
        case --stats
            printf '%s\n' stats
        case --rate
            printf '%s\n' rate
        case --thresholds
            printf '%s\n' thresholds
        case --persistent-conn
            printf '%s\n' persistent-conn
        case --tun-info
            printf '%s\n' tun-info
        case --output
            printf '%s\n' output
        case --totals
            printf '%s\n' totals
        case --output-file
            printf '%s\n' output-file
        case --watch
            printf '%s\n' watch
        case --count
            printf '%s\n' count
        case --changes
            printf '%s\n' changes
        case -X --exact
            printf '%s\n' exact
        case --nosort
            printf '%s\n' nosort
        case --sort
            printf '%s\n' sort
        case --strict
            printf '%s\n' strict
        case --check
            printf '%s\n' check
        case --scope
            printf '%s\n' scope
        case --keep-weights
            printf '%s\n' keep-weights
        case --add-only
            printf '%s\n' add-only
        case --dry-run
            printf '%s\n' dry-run
        case --idle
            printf '%s\n' idle
        case --remove
            printf '%s\n' remove
        case --undo
            printf '%s\n' undo
        case --redact
            printf '%s\n' redact
        case --wait
            printf '%s\n' wait
        case --color
            printf '%s\n' color
        case --mcast-interface
            printf '%s\n' mcast-interface
        case --syncid
            printf '%s\n' syncid
        case --sync-maxlen
            printf '%s\n' sync-maxlen
        case --mcast-group
            printf '%s\n' mcast-group
        case --mcast-port
            printf '%s\n' mcast-port
        case --mcast-ttl
            printf '%s\n' mcast-ttl
        case --json
            printf '%s\n' json
        case --netns
            printf '%s\n' netns
        case --interface
            printf '%s\n' interface
    end
end

# All ways to write a command or option.
function __ipvsadm_forms
    switch "$argv[1]"
        case add-service
            printf '%s\n' '-A' '--add-service'
        case edit-service
            printf '%s\n' '-E' '--edit-service'
        case delete-service
            printf '%s\n' '-D' '--delete-service'
        case clear
            printf '%s\n' '-C' '--clear'
        case restore
            printf '%s\n' '-R' '--restore'
        case save
            printf '%s\n' '-S' '--save'
        case apply
            printf '%s\n' '--apply'
        case diff
            printf '%s\n' '--diff'
        case compare-connections
            printf '%s\n' '--compare-connections'
        case add-server
            printf '%s\n' '-a' '--add-server'
        case edit-server
            printf '%s\n' '-e' '--edit-server'
        case delete-server
            printf '%s\n' '-d' '--delete-server'
        case list
            printf '%s\n' '-L' '-l' '--list'
        case zero
            printf '%s\n' '-Z' '--zero'
        case set
            printf '%s\n' '--set'
        case start-daemon
            printf '%s\n' '--start-daemon'
        case stop-daemon
            printf '%s\n' '--stop-daemon'
        case drain
            printf '%s\n' '--drain'
        case doctor
            printf '%s\n' '--doctor'
        case report
            printf '%s\n' '--report'
        case help
            printf '%s\n' '-h' '--help'
        case version
            printf '%s\n' '-v' '--version'
        case tcp-service
            printf '%s\n' '-t' '--tcp-service'
        case udp-service
            printf '%s\n' '-u' '--udp-service'
        case sctp-service
            printf '%s\n' '--sctp-service'
        case fwmark-service
            printf '%s\n' '-f' '--fwmark-service'
        case ipv6
            printf '%s\n' '-6' '--ipv6'
        case scheduler
            printf '%s\n' '-s' '--scheduler'
        case sched-flags
            printf '%s\n' '-b' '--sched-flags'
        case persistent
            printf '%s\n' '-p' '--persistent'
        case netmask
            printf '%s\n' '-M' '--netmask'
        case pe
            printf '%s\n' '--pe'
        case ops
            printf '%s\n' '-o' '--ops'
        case real-server
            printf '%s\n' '-r' '--real-server'
        case gatewaying
            printf '%s\n' '-g' '--gatewaying'
        case ipip
            printf '%s\n' '-i' '--ipip'
        case masquerading
            printf '%s\n' '-m' '--masquerading'
        case tun-type
            printf '%s\n' '--tun-type'
        case tun-port
            printf '%s\n' '--tun-port'
        case tun-nocsum
            printf '%s\n' '--tun-nocsum'
        case tun-csum
            printf '%s\n' '--tun-csum'
        case tun-remcsum
            printf '%s\n' '--tun-remcsum'
        case weight
            printf '%s\n' '-w' '--weight'
        case u-threshold
            printf '%s\n' '-x' '--u-threshold'
        case l-threshold
            printf '%s\n' '-y' '--l-threshold'
        case keep
            printf '%s\n' '--keep'
        case exist
            printf '%s\n' '--exist'
        case numeric
            printf '%s\n' '-n' '--numeric'
        case connection
            printf '%s\n' '-c' '--connection'
        case client
            printf '%s\n' '--client'
        case state
            printf '%s\n' '--state'
        case protocol
            printf '%s\n' '--protocol'
        case summary
            printf '%s\n' '--summary'
        case top
            printf '%s\n' '--top'
        case timeout
            printf '%s\n' '--timeout'
        case daemon
            printf '%s\n' '--daemon'
        case stats
            printf '%s\n' '--stats'
        case rate
            printf '%s\n' '--rate'
        case thresholds
            printf '%s\n' '--thresholds'
        case persistent-conn
            printf '%s\n' '--persistent-conn'
        case tun-info
            printf '%s\n' '--tun-info'
        case output
            printf '%s\n' '--output'
        case totals
            printf '%s\n' '--totals'
        case output-file
            printf '%s\n' '--output-file'
        case watch
            printf '%s\n' '--watch'
        case count
            printf '%s\n' '--count'
        case changes
            printf '%s\n' '--changes'
        case exact
            printf '%s\n' '-X' '--exact'
        case nosort
            printf '%s\n' '--nosort'
        case sort
            printf '%s\n' '--sort'
        case strict
            printf '%s\n' '--strict'
        case check
            printf '%s\n' '--check'
        case scope
            printf '%s\n' '--scope'
        case keep-weights
            printf '%s\n' '--keep-weights'
        case add-only
            printf '%s\n' '--add-only'
        case dry-run
            printf '%s\n' '--dry-run'
        case idle
            printf '%s\n' '--idle'
        case remove
            printf '%s\n' '--remove'
        case undo
            printf '%s\n' '--undo'
        case redact
            printf '%s\n' '--redact'
        case wait
            printf '%s\n' '--wait'
        case color
            printf '%s\n' '--color'
        case mcast-interface
            printf '%s\n' '--mcast-interface'
        case syncid
            printf '%s\n' '--syncid'
        case sync-maxlen
            printf '%s\n' '--sync-maxlen'
        case mcast-group
            printf '%s\n' '--mcast-group'
        case mcast-port
            printf '%s\n' '--mcast-port'
        case mcast-ttl
            printf '%s\n' '--mcast-ttl'
        case json
            printf '%s\n' '--json'
        case netns
            printf '%s\n' '--netns'
        case interface
            printf '%s\n' '--interface'
    end
end

# What a command or option does.
function __ipvsadm_meaning
    switch "$argv[1]"
        case add-service
            printf '%s\n' 'Add a virtual service'
        case edit-service
            printf '%s\n' 'Replace all settings of a virtual service'
        case delete-service
            printf '%s\n' 'Remove a virtual service and its real servers'
        case clear
            printf '%s\n' 'Remove all virtual services'
        case restore
            printf '%s\n' 'Read commands from a file or standard input, one a line'
        case save
            printf '%s\n' 'Write the table as commands that -R reads'
        case apply
            printf '%s\n' 'Make the table what a file or standard input says, with as few changes as possible'
        case diff
            printf '%s\n' 'Show what --apply would change, as lines after - and +'
        case compare-connections
            printf '%s\n' 'Show the connections that only one director has: this one, or the one whose -L -c --json is in a file or comes from standard input'
        case add-server
            printf '%s\n' 'Add a real server to a virtual service'
        case edit-server
            printf '%s\n' 'Replace all settings of a real server'
        case delete-server
            printf '%s\n' 'Remove a real server from a virtual service'
        case list
            printf '%s\n' 'Show the table, or one virtual service'
        case zero
            printf '%s\n' 'Set the counters of one or all virtual services to zero'
        case set
            printf '%s\n' 'Set the timeouts of connections: three numbers of seconds, for TCP, TCP after FIN, and UDP; 0 leaves one as it is'
        case start-daemon
            printf '%s\n' 'Start a connection synchronization daemon: master or backup'
        case stop-daemon
            printf '%s\n' 'Stop a connection synchronization daemon: master or backup'
        case drain
            printf '%s\n' 'Give a real server no new connections, in one or all virtual services that have it'
        case doctor
            printf '%s\n' 'Look for the reasons why virtual services do not work, and show the commands that mend them'
        case report
            printf '%s\n' 'Write everything about this director as one JSON document, for those who are to help'
        case help
            printf '%s\n' 'Show this help'
        case version
            printf '%s\n' 'Show the version'
        case tcp-service
            printf '%s\n' 'TCP to this address and port'
        case udp-service
            printf '%s\n' 'UDP to this address and port'
        case sctp-service
            printf '%s\n' 'SCTP to this address and port'
        case fwmark-service
            printf '%s\n' 'Packets with this firewall mark, 1 to 4294967295'
        case ipv6
            printf '%s\n' 'After -f: the IPv6 packets with the mark'
        case scheduler
            printf '%s\n' 'How to choose a real server: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos [default: wlc]'
        case sched-flags
            printf '%s\n' 'Flags of the scheduler: sh-fallback, sh-port, mh-fallback, mh-port, or flag-1 to flag-3'
        case persistent
            printf '%s\n' 'Keep each client with its real server for so long [default: 360]'
        case netmask
            printf '%s\n' 'Clients that persistence takes for one: a mask or a prefix length'
        case pe
            printf '%s\n' 'What persistence tells clients apart by, instead of their address: sip'
        case ops
            printf '%s\n' 'Schedule each UDP datagram by itself'
        case real-server
            printf '%s\n' 'The real server [default port: the virtual service\'s]; with -L -c without a port: all of its ports; with --doctor: the virtual addresses that this machine is a real server of, with commas between them'
        case gatewaying
            printf '%s\n' 'Forward by direct routing (the default)'
        case ipip
            printf '%s\n' 'Forward by tunneling'
        case masquerading
            printf '%s\n' 'Forward by masquerading (NAT)'
        case tun-type
            printf '%s\n' 'Tunnel: ipip, gue or gre [default: ipip]'
        case tun-port
            printf '%s\n' 'UDP port of a gue tunnel'
        case tun-nocsum
            printf '%s\n' 'No checksum on a gue or gre tunnel (the default)'
        case tun-csum
            printf '%s\n' 'Checksum on a gue or gre tunnel'
        case tun-remcsum
            printf '%s\n' 'Remote checksum offload on a gue tunnel'
        case weight
            printf '%s\n' 'Share of new connections; 0 quiesces [default: 1]'
        case u-threshold
            printf '%s\n' 'Connections from which on it gets no new ones; 0 is no limit'
        case l-threshold
            printf '%s\n' 'Connections below which it gets new ones again'
        case keep
            printf '%s\n' 'With -E and -e: leave what is not named as it is'
        case exist
            printf '%s\n' 'With -A and -a: edit what is there to match; with -D and -d: do not mind what is gone; with -R: all of these'
        case numeric
            printf '%s\n' 'Addresses and ports as numbers, without looking up names'
        case connection
            printf '%s\n' 'Show the current connections; with a virtual service or -r, its own'
        case client
            printf '%s\n' 'With -c: only those of this client, or of the clients in this network'
        case state
            printf '%s\n' 'With -c: only those in this state, or in one of these'
        case protocol
            printf '%s\n' 'With -c: only those of this protocol, or of one of these: tcp, udp, sctp, ip'
        case summary
            printf '%s\n' 'With -c: count connections by virtual service, real server and state, and show the busiest clients'
        case top
            printf '%s\n' 'How many clients --summary shows [default: 10]'
        case timeout
            printf '%s\n' 'Show the timeouts of connections'
        case daemon
            printf '%s\n' 'Show the synchronization daemons'
        case stats
            printf '%s\n' 'Show connections, packets and bytes'
        case rate
            printf '%s\n' 'Show connections, packets and bytes a second'
        case thresholds
            printf '%s\n' 'Show the thresholds of real servers'
        case persistent-conn
            printf '%s\n' 'Show persistent connections'
        case tun-info
            printf '%s\n' 'Show the tunnels to real servers'
        case output
            printf '%s\n' 'How to show the table: classic, wide, json or openmetrics [default: classic]'
        case totals
            printf '%s\n' 'OpenMetrics without a series for each real server'
        case output-file
            printf '%s\n' 'OpenMetrics into a file, which changes in one step'
        case watch
            printf '%s\n' 'Show the table again and again [default: every 2 seconds]'
        case count
            printf '%s\n' 'How often --watch shows it'
        case changes
            printf '%s\n' 'With --watch: show only what has changed, a line for each change'
        case exact
            printf '%s\n' 'Show large numbers with all digits'
        case nosort
            printf '%s\n' 'Show entries in the kernel\'s order'
        case sort
            printf '%s\n' 'Nothing; entries are sorted anyway'
        case strict
            printf '%s\n' 'Number the lines that fail, go on after every one, and exit with the status of the first'
        case check
            printf '%s\n' 'Read and check the rules, change nothing; with --apply too'
        case scope
            printf '%s\n' 'Leave alone all services but those with such an address; may be given again'
        case keep-weights
            printf '%s\n' 'Leave the weights of real servers that are there as they are'
        case add-only
            printf '%s\n' 'Remove nothing'
        case dry-run
            printf '%s\n' 'Show the commands that would be carried out, change nothing'
        case idle
            printf '%s\n' 'Wait until no connection is left, active or inactive'
        case remove
            printf '%s\n' 'Wait, and remove the real server when its connections have ended'
        case undo
            printf '%s\n' 'Give back the weights that real servers had before they were drained'
        case redact
            printf '%s\n' 'Replace addresses and names of interfaces, the same by the same'
        case wait
            printf '%s\n' 'Wait until no other ipvsadm changes the table, or until no active connection is left; for so long at most [default: without end]'
        case color
            printf '%s\n' 'Colours: auto, always or never [default: auto; without a word: always]'
        case mcast-interface
            printf '%s\n' 'Network interface [default: eth0]'
        case syncid
            printf '%s\n' 'Group of directors, 0 to 255; a backup with 0 hears all [default: 0]'
        case sync-maxlen
            printf '%s\n' 'Largest message [default: 1472]'
        case mcast-group
            printf '%s\n' 'Multicast group [default: 224.0.0.81]'
        case mcast-port
            printf '%s\n' 'UDP port [default: 8848]'
        case mcast-ttl
            printf '%s\n' 'Time to live [default: 1]'
        case json
            printf '%s\n' 'Listings as one JSON document, errors as one JSON object a line'
        case netns
            printf '%s\n' 'Do it in this network namespace: a name in /run/netns, a path, or the number of a process; may stand before the command'
        case interface
            printf '%s\n' 'Reach IPVS through this interface of the kernel only: netlink or sockopt'
    end
end

# Whether a value follows.
function __ipvsadm_takes
    switch "$argv[1]"
        case start-daemon
            printf '%s\n' required
        case stop-daemon
            printf '%s\n' required
        case tcp-service
            printf '%s\n' required
        case udp-service
            printf '%s\n' required
        case sctp-service
            printf '%s\n' required
        case fwmark-service
            printf '%s\n' required
        case scheduler
            printf '%s\n' required
        case sched-flags
            printf '%s\n' required
        case persistent
            printf '%s\n' optional
        case netmask
            printf '%s\n' required
        case pe
            printf '%s\n' required
        case real-server
            printf '%s\n' required
        case tun-type
            printf '%s\n' required
        case tun-port
            printf '%s\n' required
        case weight
            printf '%s\n' required
        case u-threshold
            printf '%s\n' required
        case l-threshold
            printf '%s\n' required
        case client
            printf '%s\n' required
        case state
            printf '%s\n' required
        case protocol
            printf '%s\n' required
        case top
            printf '%s\n' required
        case output
            printf '%s\n' required
        case output-file
            printf '%s\n' required
        case watch
            printf '%s\n' optional
        case count
            printf '%s\n' required
        case scope
            printf '%s\n' required
        case wait
            printf '%s\n' optional
        case color
            printf '%s\n' attached
        case mcast-interface
            printf '%s\n' required
        case syncid
            printf '%s\n' required
        case sync-maxlen
            printf '%s\n' required
        case mcast-group
            printf '%s\n' required
        case mcast-port
            printf '%s\n' required
        case mcast-ttl
            printf '%s\n' required
        case netns
            printf '%s\n' required
        case interface
            printf '%s\n' required
    end
end

# Where its values come from.
function __ipvsadm_source
    switch "$argv[1]"
        case start-daemon
            printf '%s\n' roles
        case stop-daemon
            printf '%s\n' roles
        case tcp-service
            printf '%s\n' TCP
        case udp-service
            printf '%s\n' UDP
        case sctp-service
            printf '%s\n' SCTP
        case fwmark-service
            printf '%s\n' FWM
        case scheduler
            printf '%s\n' schedulers
        case sched-flags
            printf '%s\n' flags
        case pe
            printf '%s\n' engines
        case real-server
            printf '%s\n' servers
        case tun-type
            printf '%s\n' tunnels
        case state
            printf '%s\n' states
        case protocol
            printf '%s\n' protocols
        case output
            printf '%s\n' forms
        case color
            printf '%s\n' colours
        case mcast-interface
            printf '%s\n' interfaces
        case netns
            printf '%s\n' namespaces
        case interface
            printf '%s\n' kernel_interfaces
    end
end

# The options that go with a command.
function __ipvsadm_legal
    switch "$argv[1]"
        case add-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 scheduler sched-flags persistent netmask pe ops exist json netns interface
        case edit-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 scheduler sched-flags persistent netmask pe ops keep json netns interface
        case delete-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 exist json netns interface
        case clear
            printf '%s\n' json netns interface
        case restore
            printf '%s\n' exist strict check json netns interface
        case save
            printf '%s\n' numeric json netns interface
        case apply
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 check scope keep-weights add-only dry-run wait color json netns interface
        case diff
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 scope keep-weights add-only color json netns interface
        case compare-connections
            printf '%s\n' json netns interface
        case add-server
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum weight u-threshold l-threshold exist json netns interface
        case edit-server
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum weight u-threshold l-threshold keep json netns interface
        case delete-server
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server exist json netns interface
        case list
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server numeric connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn tun-info output watch exact nosort sort color syncid json netns interface
        case zero
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 json netns interface
        case set
            printf '%s\n' json netns interface
        case start-daemon
            printf '%s\n' mcast-interface syncid sync-maxlen mcast-group mcast-port mcast-ttl json netns interface
        case stop-daemon
            printf '%s\n' syncid json netns interface
        case drain
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server idle remove undo wait json netns interface
        case doctor
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server color json netns interface
        case report
            printf '%s\n' redact json netns interface
    end
end

# What may not follow an option; with = only that value of it.
function __ipvsadm_excludes
    switch "$argv[1]"
        case tcp-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 ops timeout daemon
        case udp-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 timeout daemon
        case sctp-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 ops timeout daemon
        case fwmark-service
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service timeout daemon
        case ipv6
            printf '%s\n' tcp-service udp-service sctp-service ipv6 timeout daemon
        case scheduler
            printf '%s\n' scheduler
        case sched-flags
            printf '%s\n' sched-flags
        case persistent
            printf '%s\n' persistent
        case netmask
            printf '%s\n' netmask
        case pe
            printf '%s\n' pe
        case ops
            printf '%s\n' tcp-service sctp-service ops
        case real-server
            printf '%s\n' real-server timeout daemon stats rate thresholds
        case gatewaying
            printf '%s\n' gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum
        case ipip
            printf '%s\n' gatewaying ipip masquerading
        case masquerading
            printf '%s\n' gatewaying ipip masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum
        case tun-type=ipip
            printf '%s\n' gatewaying masquerading tun-type tun-port tun-nocsum tun-csum tun-remcsum
        case tun-type=gue
            printf '%s\n' gatewaying masquerading tun-type
        case tun-type=gre
            printf '%s\n' gatewaying masquerading tun-type tun-port tun-remcsum
        case tun-port
            printf '%s\n' gatewaying masquerading tun-type=ipip tun-type=gre tun-port
        case tun-nocsum
            printf '%s\n' gatewaying masquerading tun-type=ipip tun-nocsum tun-csum tun-remcsum
        case tun-csum
            printf '%s\n' gatewaying masquerading tun-type=ipip tun-nocsum tun-csum tun-remcsum
        case tun-remcsum
            printf '%s\n' gatewaying masquerading tun-type=ipip tun-type=gre tun-nocsum tun-csum tun-remcsum
        case weight
            printf '%s\n' weight
        case u-threshold
            printf '%s\n' u-threshold
        case l-threshold
            printf '%s\n' l-threshold
        case keep
            printf '%s\n' keep
        case exist
            printf '%s\n' exist
        case numeric
            printf '%s\n' numeric
        case connection
            printf '%s\n' connection timeout daemon stats rate thresholds
        case client
            printf '%s\n' client timeout daemon stats rate thresholds
        case state
            printf '%s\n' state timeout daemon stats rate thresholds
        case protocol
            printf '%s\n' protocol timeout daemon stats rate thresholds
        case summary
            printf '%s\n' summary timeout daemon stats rate thresholds
        case top
            printf '%s\n' top timeout daemon stats rate thresholds
        case timeout
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn output watch
        case daemon
            printf '%s\n' tcp-service udp-service sctp-service fwmark-service ipv6 real-server connection client state protocol summary top timeout daemon stats rate thresholds persistent-conn watch
        case stats
            printf '%s\n' real-server connection client state protocol summary top timeout daemon stats
        case rate
            printf '%s\n' real-server connection client state protocol summary top timeout daemon rate
        case thresholds
            printf '%s\n' real-server connection client state protocol summary top timeout daemon thresholds
        case persistent-conn
            printf '%s\n' timeout daemon persistent-conn
        case tun-info
            printf '%s\n' tun-info
        case output
            printf '%s\n' timeout output json
        case totals
            printf '%s\n' totals
        case output-file
            printf '%s\n' output-file
        case watch
            printf '%s\n' timeout daemon watch
        case count
            printf '%s\n' count
        case changes
            printf '%s\n' changes
        case exact
            printf '%s\n' exact
        case nosort
            printf '%s\n' nosort
        case sort
            printf '%s\n' sort
        case strict
            printf '%s\n' strict
        case check
            printf '%s\n' check dry-run wait
        case scope
            printf '%s\n' 
        case keep-weights
            printf '%s\n' keep-weights
        case add-only
            printf '%s\n' add-only
        case dry-run
            printf '%s\n' check dry-run wait
        case idle
            printf '%s\n' idle undo
        case remove
            printf '%s\n' remove undo
        case undo
            printf '%s\n' idle remove undo wait
        case redact
            printf '%s\n' redact
        case wait
            printf '%s\n' check dry-run undo wait
        case color
            printf '%s\n' color
        case mcast-interface
            printf '%s\n' mcast-interface
        case syncid
            printf '%s\n' syncid
        case sync-maxlen
            printf '%s\n' sync-maxlen
        case mcast-group
            printf '%s\n' mcast-group
        case mcast-port
            printf '%s\n' mcast-port
        case mcast-ttl
            printf '%s\n' mcast-ttl
        case json
            printf '%s\n' output json
        case netns
            printf '%s\n' netns
        case interface
            printf '%s\n' interface
    end
end

# What has to stand before an option.
function __ipvsadm_needs
    switch "$argv[1]"
        case ipv6
            printf '%s\n' fwmark-service
    end
end

# The flags of a scheduler.
function __ipvsadm_flags
    switch "$argv[1]"
        case ''
            printf '%s\n' sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3
        case sh
            printf '%s\n' sh-fallback sh-port flag-1 flag-2 flag-3
        case mh
            printf '%s\n' mh-fallback mh-port flag-1 flag-2 flag-3
        case '*'
            printf '%s\n' flag-1 flag-2 flag-3
    end
end

# Values from a fixed set, each with what it means after a tab.
function __ipvsadm_words
    switch "$argv[1]"
        case roles
            printf '%s\t%s\n' \
                master 'Tells of its connections' \
                backup 'Learns of the connections of others'
        case schedulers
            printf '%s\t%s\n' \
                rr 'Round robin' \
                wrr 'Weighted round robin' \
                lc 'Least connections' \
                wlc 'Weighted least connections' \
                lblc 'Locality-based least connections' \
                lblcr 'Locality-based least connections with replication' \
                dh 'Destination hashing' \
                sh 'Source hashing' \
                sed 'Shortest expected delay' \
                nq 'Never queue' \
                fo 'Weighted failover' \
                ovf 'Weighted overflow' \
                mh 'Maglev hashing' \
                twos 'Power of two random choices'
        case engines
            printf '%s\t%s\n' \
                sip 'The Call-ID of SIP'
        case tunnels
            printf '%s\t%s\n' \
                ipip 'IP in IP' \
                gue 'Generic UDP encapsulation' \
                gre 'Generic routing encapsulation'
        case states
            printf '%s\t%s\n' \
                ESTABLISHED 'TCP and SCTP: data can flow' \
                SYN_SENT 'TCP: the server has begun it' \
                SYN_RECV 'TCP: the client has begun it' \
                SYNACK 'TCP: the server has answered' \
                FIN_WAIT 'TCP: one side has closed it' \
                CLOSE_WAIT 'TCP: the client has closed it' \
                LAST_ACK 'TCP: the last packet is missing' \
                TIME_WAIT 'TCP: both sides have closed it' \
                CLOSE 'TCP: it was reset' \
                LISTEN 'TCP: a server waits for data of FTP' \
                UDP 'UDP' \
                INIT1 'SCTP: first packet of the client' \
                INIT 'SCTP: the client has begun it' \
                C-SENT 'SCTP: cookie sent' \
                C-REPLIED 'SCTP: cookie replied' \
                C-WAIT 'SCTP: waiting for the cookie' \
                COOKIE 'SCTP: cookie' \
                C-ECHOED 'SCTP: cookie echoed' \
                S-SENT 'SCTP: end sent' \
                S-RECEIVED 'SCTP: end received' \
                S-ACK-SENT 'SCTP: end acknowledged' \
                REJECTED 'SCTP: refused' \
                CLOSED 'SCTP: ended' \
                NONE 'None yet; or a template that is not assured' \
                ASSURED 'A template whose client has connected'
        case protocols
            printf '%s\t%s\n' \
                tcp 'Transmission Control Protocol' \
                udp 'User Datagram Protocol' \
                sctp 'Stream Control Transmission Protocol' \
                ip 'Templates of persistent firewall marks'
        case forms
            printf '%s\t%s\n' \
                classic 'The columns of the original' \
                wide 'Columns for people' \
                json 'A JSON document' \
                openmetrics 'Text for Prometheus'
        case colours
            printf '%s\t%s\n' \
                auto 'On a terminal, unless NO_COLOR is set' \
                always 'Into files and pipes too' \
                never 'No colours'
        case kernel_interfaces
            printf '%s\t%s\n' \
                netlink 'Generic netlink: all of IPVS, for root' \
                sockopt 'Socket options: IPv4, for root of a user namespace too'
    end
end
# end

# The table of virtual services: readable without root, and there only when
# the module is loaded.
function __ipvsadm_table
    cat /proc/net/ip_vs 2>/dev/null
end

# begin awk
function __ipvsadm_awk
    __ipvsadm_table | awk -v protocol="$argv[1]" -v service="$argv[2]" '
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
end
# end

# The modules of IPVS that this kernel has, ip_vs_NAME.
function __ipvsadm_modules
    set -l release
    read release 2>/dev/null </proc/sys/kernel/osrelease
    for file in /lib/modules/$release/kernel/net/netfilter/ipvs/ip_vs_*.ko*
        string replace -r '.*/(.*)\.ko.*' '$1' -- $file
    end
end

# The network namespaces that have a name.
function __ipvsadm_namespaces
    for file in /run/netns/*
        string replace -r '.*/' '' -- $file
    end
end

function __ipvsadm_interfaces
    for directory in /sys/class/net/*
        string replace -r '.*/' '' -- $directory
    end
end

# Reads the words before the cursor as the program does. Sets, in the caller:
# command; given, the names of the options, and name=value for those with a
# value; pending, the option that the next word is the value of; and file, the
# file of -R, --apply, --diff or --compare-connections. Fails when nothing more can follow.
function __ipvsadm_scan --no-scope-shadowing
    for word in $argv
        if test -n "$pending"
            if test (__ipvsadm_takes $pending) = required; or not string match -q -- '-*' $word
                set -a given "$pending=$word"
                set pending
                continue
            end
            set pending
        end
        switch $word
            case --
                return 1
            case '--*'
                set -l parts (string split -m 1 = -- $word)
                set -l name (__ipvsadm_name $parts[1])
                __ipvsadm_note "$name"; or return
                if set -q parts[2]
                    set -a given "$name=$parts[2]"
                else if contains -- "$(__ipvsadm_takes $name)" required optional
                    set pending $name
                end
            case '-?*'
                set -l letters (string sub -s 2 -- $word)
                while test -n "$letters"
                    set -l name (__ipvsadm_name -(string sub -l 1 -- $letters))
                    set letters (string sub -s 2 -- $letters)
                    __ipvsadm_note "$name"; or return
                    test -n "$(__ipvsadm_takes $name)"; or continue
                    if test -n "$letters"
                        set -a given "$name="(string replace -r '^=' '' -- $letters)
                    else
                        set pending $name
                    end
                    break
                end
            case '*'
                # Only --set takes plain words and nothing else; -R, --apply, --diff
                # and --compare-connections take a file.
                contains -- "$command" restore apply diff compare-connections; and test -z "$file"; or return 1
                set file $word
        end
    end
end

# Notes a command or option. The first has to be a command, but for options that may
# stand before it; the others may not.
function __ipvsadm_note --no-scope-shadowing
    if test -z "$argv[1]"
        return 1
    end
    if contains -- $argv[1] (__ipvsadm_commands)
        test -z "$command"; or return 1
        set command $argv[1]
    else
        test -n "$command"; or contains -- $argv[1] (__ipvsadm_leading); or return 1
        set -a given $argv[1]
    end
end

# What was given for an option.
function __ipvsadm_given --no-scope-shadowing
    string replace -f -r "^$argv[1]=" '' -- $given
end

# All that what is given rules out.
function __ipvsadm_excluded --no-scope-shadowing
    for item in $given
        __ipvsadm_excludes $item
    end
end

# Writes every way to write the options that may come next.
function __ipvsadm_options --no-scope-shadowing
    set -l names (__ipvsadm_commands) (__ipvsadm_leading)
    if test -n "$command"
        set names (__ipvsadm_legal $command)
    end
    set -l excluded (__ipvsadm_excluded)
    for name in $names
        contains -- $name $excluded; and continue
        set -l needed (__ipvsadm_needs $name)
        test -z "$needed"; or contains -- $needed $given; or continue
        for form in (__ipvsadm_forms $name)
            printf '%s\t%s\n' $form "$(__ipvsadm_meaning $name)"
        end
    end
end

# Writes the values that an option may have, each after a prefix.
function __ipvsadm_values --no-scope-shadowing
    set -l option $argv[1]
    set -l typed $argv[2]
    set -l source (__ipvsadm_source $option)
    # What is in another network namespace, only root can see.
    if test -n "$(__ipvsadm_given netns)"; and contains -- "$source" TCP UDP SCTP FWM servers interfaces
        return
    end
    switch "$source"
        case TCP UDP SCTP FWM
            # What is to be added is not there yet.
            test "$command" = add-service; or __ipvsadm_awk $source ''
        case servers
            test "$command" = add-server; and return
            for kind in tcp udp sctp fwmark
                set -l service (__ipvsadm_given $kind-service)
                test -n "$service"; or continue
                __ipvsadm_awk (__ipvsadm_source $kind-service) "$service"
            end
        case flags
            set -l chosen (string match -r '.*,' -- $typed)
            for flag in (__ipvsadm_flags "$(__ipvsadm_given scheduler)")
                string match -q -- "*,$flag,*" ",$chosen"; or echo "$chosen$flag"
            end
        case interfaces
            __ipvsadm_interfaces
        case namespaces
            if string match -q -- '*/*' $typed
                __fish_complete_path "$typed"
            else
                __ipvsadm_namespaces
            end
        case '?*'
            set -l excluded (__ipvsadm_excluded)
            set -l seen
            for word in (__ipvsadm_words $source)
                set -l name (string split -f 1 \t -- $word)
                set -a seen $name
                contains -- $option=$name $excluded; or echo $word
            end
            for module in (__ipvsadm_modules)
                set -l name
                switch "$source,$module"
                    case 'engines,ip_vs_pe_*'
                        set name (string replace ip_vs_pe_ '' -- $module)
                    case 'schedulers,ip_vs_pe_*' schedulers,ip_vs_ftp
                    case 'schedulers,ip_vs_*'
                        set name (string replace ip_vs_ '' -- $module)
                end
                test -z "$name"; or contains -- $name $seen
                or printf '%s\tModule %s\n' $name $module
            end
    end
end

function __ipvsadm_complete
    set -l command
    set -l pending
    set -l given
    set -l file
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    __ipvsadm_scan $words[2..-1]; or return
    set -l takes
    if test -n "$pending"
        set takes (__ipvsadm_takes $pending)
    end
    if test "$takes" = required
        __ipvsadm_values $pending "$typed"
    else if test "$takes" = optional; and not string match -q -- '-*' "$typed"
        __ipvsadm_values $pending "$typed"
        __ipvsadm_options
    else if string match -q -- '--*=*' "$typed"
        set -l parts (string split -m 1 = -- $typed)
        set -l name (__ipvsadm_name $parts[1])
        test -n "$name"; and test -n "$(__ipvsadm_takes $name)"; or return
        # The first word is a command, whose value may stand there too.
        test -n "$command"; or set command $name
        for value in (__ipvsadm_values $name "$parts[2]")
            echo "$parts[1]=$value"
        end
    else
        __ipvsadm_options
        if contains -- "$command" restore apply diff compare-connections; and test -z "$file"; and not string match -q -- '-*' "$typed"
            __fish_complete_path "$typed"
        end
    end
end

complete -c ipvsadm -f -k -a '(__ipvsadm_complete)'
complete -c ipvsadm-save -f
complete -c ipvsadm-save -s n -d 'Addresses and ports as numbers'
complete -c ipvsadm-save -l json -d 'As one JSON document; errors too'
complete -c ipvsadm-save -l netns -x -a '(__ipvsadm_values netns (commandline -ct))' -d 'The table of this network namespace'
complete -c ipvsadm-save -l interface -x -a '(__ipvsadm_values interface (commandline -ct))' -d 'Reach IPVS through this interface of the kernel only'
complete -c ipvsadm-save -s h -d 'Show help'
complete -c ipvsadm-restore -f
complete -c ipvsadm-restore -l strict -d 'Number the lines that fail'
complete -c ipvsadm-restore -l check -d 'Read and check the rules, change nothing'
complete -c ipvsadm-restore -l exist -d 'Edit what is there, do not mind what is gone'
complete -c ipvsadm-restore -l keep-weights -d 'Leave the weights that are there'
complete -c ipvsadm-restore -l json -d 'Errors as one JSON object a line'
complete -c ipvsadm-restore -l netns -x -a '(__ipvsadm_values netns (commandline -ct))' -d 'The table of this network namespace'
complete -c ipvsadm-restore -l interface -x -a '(__ipvsadm_values interface (commandline -ct))' -d 'Reach IPVS through this interface of the kernel only'
complete -c ipvsadm-restore -s h -d 'Show help'
