// SPDX-License-Identifier: MIT

//! The structures of `linux/ip_vs.h` that the socket options take and give, as they
//! stand in memory. Numbers are in the machine's byte order unless it says so;
//! addresses and netmasks are IPv4.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    byteorder::{native_endian::U64, network_endian::U16},
};

/// `IP_VS_SCHEDNAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN`, with the NUL at the end.
pub(crate) const NAME_LENGTH: usize = 16;

/// The bytes that C leaves free where a number of 64 bits would be aligned to 32: none
/// on 32-bit x86, which aligns them so.
const GAP: usize = align_of::<u64>() - align_of::<u32>();

// The sizes of gcc 12 for linux/ip_vs.h on x86-64 (with -m32 for the others). The
// kernel takes no structure of another size.
const _: () = assert!(size_of::<ServiceUser>() == 44);
const _: () = assert!(size_of::<DestinationUser>() == 24);
const _: () = assert!(size_of::<StatsUser>() == if GAP == 0 { 48 } else { 56 });
const _: () = assert!(size_of::<ServiceEntry>() == if GAP == 0 { 96 } else { 104 });
const _: () = assert!(size_of::<DestinationEntry>() == if GAP == 0 { 84 } else { 96 });
const _: () = assert!(size_of::<GetServices>() == if GAP == 0 { 4 } else { 8 });
const _: () = assert!(size_of::<GetDestinations>() == if GAP == 0 { 20 } else { 24 });
const _: () = assert!(size_of::<GetInfo>() == 12);
const _: () = assert!(size_of::<TimeoutUser>() == 12);
const _: () = assert!(size_of::<DaemonUser>() == 24);

/// Names a service: what `ip_vs_service_user`, `ip_vs_service_entry` and
/// `ip_vs_get_dests` begin with.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceName {
    pub(crate) protocol: u16,
    pub(crate) padding: [u8; 2],
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding_after_port: [u8; 2],
    pub(crate) fwmark: u32,
}

/// `ip_vs_service_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceUser {
    pub(crate) name: ServiceName,
    pub(crate) scheduler_name: [u8; NAME_LENGTH],
    pub(crate) flags: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    pub(crate) netmask: [u8; 4],
}

/// `ip_vs_dest_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DestinationUser {
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding: [u8; 2],
    pub(crate) connection_flags: u32,
    pub(crate) weight: i32,
    pub(crate) upper_threshold: u32,
    pub(crate) lower_threshold: u32,
}

/// A service and one of its destinations, one behind the other: the argument of the
/// options that change a destination.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceAndDestination {
    pub(crate) service: ServiceUser,
    pub(crate) destination: DestinationUser,
}

/// `ip_vs_stats_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct StatsUser {
    pub(crate) connections: u32,
    pub(crate) in_packets: u32,
    pub(crate) out_packets: u32,
    pub(crate) gap: [u8; GAP],
    pub(crate) in_bytes: U64,
    pub(crate) out_bytes: U64,
    pub(crate) connections_per_second: u32,
    pub(crate) in_packets_per_second: u32,
    pub(crate) out_packets_per_second: u32,
    pub(crate) in_bytes_per_second: u32,
    pub(crate) out_bytes_per_second: u32,
    pub(crate) gap_at_end: [u8; GAP],
}

/// `ip_vs_service_entry`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceEntry {
    pub(crate) name: ServiceName,
    pub(crate) scheduler_name: [u8; NAME_LENGTH],
    pub(crate) flags: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    pub(crate) netmask: [u8; 4],
    /// Destinations of both families.
    pub(crate) destinations: u32,
    pub(crate) stats: StatsUser,
}

/// `ip_vs_dest_entry`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DestinationEntry {
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding: [u8; 2],
    pub(crate) connection_flags: u32,
    pub(crate) weight: i32,
    pub(crate) upper_threshold: u32,
    pub(crate) lower_threshold: u32,
    pub(crate) active_connections: u32,
    pub(crate) inactive_connections: u32,
    pub(crate) persistent_connections: u32,
    pub(crate) gap: [u8; GAP],
    pub(crate) stats: StatsUser,
}

/// `ip_vs_get_services`, before its entries (`ip_vs_service_entry`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetServices {
    /// The number of entries that there is room for.
    pub(crate) services: u32,
    pub(crate) gap: [u8; GAP],
}

/// `ip_vs_get_dests`, before its entries (`ip_vs_dest_entry`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetDestinations {
    pub(crate) service: ServiceName,
    /// The number of entries that there is room for.
    pub(crate) destinations: u32,
    pub(crate) gap: [u8; GAP],
}

/// `ip_vs_getinfo`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetInfo {
    pub(crate) version: u32,
    /// Buckets of the connection table.
    pub(crate) size: u32,
    /// IPv4 services.
    pub(crate) services: u32,
}

/// `ip_vs_timeout_user`, in seconds.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct TimeoutUser {
    pub(crate) tcp: i32,
    pub(crate) tcp_fin: i32,
    pub(crate) udp: i32,
}

/// `ip_vs_daemon_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DaemonUser {
    pub(crate) state: i32,
    pub(crate) multicast_interface: [u8; NAME_LENGTH],
    pub(crate) sync_id: i32,
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        mem::offset_of,
        process::{Command, Stdio},
    };

    use super::{super::option, *};

    /// Makes the assertion that a field of C has this place.
    macro_rules! place {
        ($structure:ident . $field:ident is $name:literal . $c_field:literal) => {
            format!(
                "_Static_assert(__builtin_offsetof(struct {}, {}) == {}, {:?});\n",
                $name,
                $c_field,
                offset_of!($structure, $field),
                concat!($name, ".", $c_field)
            )
        };
    }

    fn compile(program: &str, options: &[&str]) {
        let mut compiler = Command::new("cc")
            .args(["-fsyntax-only", "-ffreestanding", "-x", "c", "-"])
            .args(options)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cc, which also links this test");
        let mut input = compiler.stdin.take().unwrap();
        input.write_all(program.as_bytes()).unwrap();
        drop(input);
        let output = compiler.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options:?}: {errors}");
    }

    /// The options that have the compiler of the machine lay structures out for 32-bit
    /// x86. Debian has the headers of the processor beside each other.
    const OF_32_BITS: &[&str] = &["-m32", "-I/usr/include/x86_64-linux-gnu"];
    /// Those for the machine that this test is compiled for.
    const OF_THIS_MACHINE: &[&str] = if cfg!(target_arch = "x86") {
        OF_32_BITS
    } else {
        &[]
    };

    /// The structures, by their names in C, with their sizes here and on 32-bit x86.
    fn sizes() -> [(&'static str, usize, usize); 10] {
        [
            ("ip_vs_service_user", size_of::<ServiceUser>(), 44),
            ("ip_vs_dest_user", size_of::<DestinationUser>(), 24),
            ("ip_vs_stats_user", size_of::<StatsUser>(), 48),
            ("ip_vs_service_entry", size_of::<ServiceEntry>(), 96),
            ("ip_vs_dest_entry", size_of::<DestinationEntry>(), 84),
            ("ip_vs_get_services", size_of::<GetServices>(), 4),
            ("ip_vs_get_dests", size_of::<GetDestinations>(), 20),
            ("ip_vs_getinfo", size_of::<GetInfo>(), 12),
            ("ip_vs_timeout_user", size_of::<TimeoutUser>(), 12),
            ("ip_vs_daemon_user", size_of::<DaemonUser>(), 24),
        ]
    }

    #[test]
    fn structures_and_fields_are_where_the_header_of_the_machine_has_them() {
        let mut program = "#include <linux/ip_vs.h>\n".to_owned();
        for (name, size, _) in sizes() {
            program += &format!("_Static_assert(sizeof(struct {name}) == {size}, {name:?});\n");
        }
        for assertion in [
            place!(ServiceUser.name is "ip_vs_service_user"."protocol"),
            place!(ServiceUser.scheduler_name is "ip_vs_service_user"."sched_name"),
            place!(ServiceUser.flags is "ip_vs_service_user"."flags"),
            place!(ServiceUser.timeout is "ip_vs_service_user"."timeout"),
            place!(ServiceUser.netmask is "ip_vs_service_user"."netmask"),
            place!(ServiceName.address is "ip_vs_service_user"."addr"),
            place!(ServiceName.port is "ip_vs_service_user"."port"),
            place!(ServiceName.fwmark is "ip_vs_service_user"."fwmark"),
            place!(DestinationUser.address is "ip_vs_dest_user"."addr"),
            place!(DestinationUser.port is "ip_vs_dest_user"."port"),
            place!(DestinationUser.connection_flags is "ip_vs_dest_user"."conn_flags"),
            place!(DestinationUser.weight is "ip_vs_dest_user"."weight"),
            place!(DestinationUser.upper_threshold is "ip_vs_dest_user"."u_threshold"),
            place!(DestinationUser.lower_threshold is "ip_vs_dest_user"."l_threshold"),
            place!(StatsUser.connections is "ip_vs_stats_user"."conns"),
            place!(StatsUser.in_packets is "ip_vs_stats_user"."inpkts"),
            place!(StatsUser.out_packets is "ip_vs_stats_user"."outpkts"),
            place!(StatsUser.in_bytes is "ip_vs_stats_user"."inbytes"),
            place!(StatsUser.out_bytes is "ip_vs_stats_user"."outbytes"),
            place!(StatsUser.connections_per_second is "ip_vs_stats_user"."cps"),
            place!(StatsUser.in_packets_per_second is "ip_vs_stats_user"."inpps"),
            place!(StatsUser.out_packets_per_second is "ip_vs_stats_user"."outpps"),
            place!(StatsUser.in_bytes_per_second is "ip_vs_stats_user"."inbps"),
            place!(StatsUser.out_bytes_per_second is "ip_vs_stats_user"."outbps"),
            place!(ServiceEntry.scheduler_name is "ip_vs_service_entry"."sched_name"),
            place!(ServiceEntry.flags is "ip_vs_service_entry"."flags"),
            place!(ServiceEntry.timeout is "ip_vs_service_entry"."timeout"),
            place!(ServiceEntry.netmask is "ip_vs_service_entry"."netmask"),
            place!(ServiceEntry.destinations is "ip_vs_service_entry"."num_dests"),
            place!(ServiceEntry.stats is "ip_vs_service_entry"."stats"),
            place!(DestinationEntry.address is "ip_vs_dest_entry"."addr"),
            place!(DestinationEntry.port is "ip_vs_dest_entry"."port"),
            place!(DestinationEntry.connection_flags is "ip_vs_dest_entry"."conn_flags"),
            place!(DestinationEntry.weight is "ip_vs_dest_entry"."weight"),
            place!(DestinationEntry.upper_threshold is "ip_vs_dest_entry"."u_threshold"),
            place!(DestinationEntry.lower_threshold is "ip_vs_dest_entry"."l_threshold"),
            place!(DestinationEntry.active_connections is "ip_vs_dest_entry"."activeconns"),
            place!(DestinationEntry.inactive_connections is "ip_vs_dest_entry"."inactconns"),
            place!(DestinationEntry.persistent_connections is "ip_vs_dest_entry"."persistconns"),
            place!(DestinationEntry.stats is "ip_vs_dest_entry"."stats"),
            place!(GetServices.services is "ip_vs_get_services"."num_services"),
            place!(GetDestinations.destinations is "ip_vs_get_dests"."num_dests"),
            place!(GetInfo.version is "ip_vs_getinfo"."version"),
            place!(GetInfo.size is "ip_vs_getinfo"."size"),
            place!(GetInfo.services is "ip_vs_getinfo"."num_services"),
            place!(TimeoutUser.tcp is "ip_vs_timeout_user"."tcp_timeout"),
            place!(TimeoutUser.tcp_fin is "ip_vs_timeout_user"."tcp_fin_timeout"),
            place!(TimeoutUser.udp is "ip_vs_timeout_user"."udp_timeout"),
            place!(DaemonUser.state is "ip_vs_daemon_user"."state"),
            place!(DaemonUser.multicast_interface is "ip_vs_daemon_user"."mcast_ifn"),
            place!(DaemonUser.sync_id is "ip_vs_daemon_user"."syncid"),
        ] {
            program += &assertion;
        }
        compile(&program, OF_THIS_MACHINE);
    }

    #[test]
    fn options_have_the_numbers_of_the_header() {
        let mut program = "#include <linux/ip_vs.h>\n".to_owned();
        for (name, number) in [
            ("IP_VS_SO_SET_ADD", option::SET_ADD),
            ("IP_VS_SO_SET_EDIT", option::SET_EDIT),
            ("IP_VS_SO_SET_DEL", option::SET_DEL),
            ("IP_VS_SO_SET_FLUSH", option::SET_FLUSH),
            ("IP_VS_SO_SET_ADDDEST", option::SET_ADDDEST),
            ("IP_VS_SO_SET_DELDEST", option::SET_DELDEST),
            ("IP_VS_SO_SET_EDITDEST", option::SET_EDITDEST),
            ("IP_VS_SO_SET_TIMEOUT", option::SET_TIMEOUT),
            ("IP_VS_SO_SET_STARTDAEMON", option::SET_STARTDAEMON),
            ("IP_VS_SO_SET_STOPDAEMON", option::SET_STOPDAEMON),
            ("IP_VS_SO_SET_ZERO", option::SET_ZERO),
            ("IP_VS_SO_GET_INFO", option::GET_INFO),
            ("IP_VS_SO_GET_SERVICES", option::GET_SERVICES),
            ("IP_VS_SO_GET_SERVICE", option::GET_SERVICE),
            ("IP_VS_SO_GET_DESTS", option::GET_DESTS),
            ("IP_VS_SO_GET_TIMEOUT", option::GET_TIMEOUT),
            ("IP_VS_SO_GET_DAEMON", option::GET_DAEMON),
        ] {
            program += &format!("_Static_assert({name} == {number}, {name:?});\n");
        }
        compile(&program, OF_THIS_MACHINE);
    }

    /// Checks what the numbers above stand on for a machine that aligns 64 bits to 32.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_sizes_of_32_bits_are_those_of_the_header() {
        let mut program = "#include <linux/ip_vs.h>\n".to_owned();
        for (name, _, size) in sizes() {
            program += &format!("_Static_assert(sizeof(struct {name}) == {size}, {name:?});\n");
        }
        compile(&program, OF_32_BITS);
    }
}
