// SPDX-License-Identifier: MIT

//! Any text as each file of `/proc/net` that the client reads.
#![no_main]

use ipvs_client::Interface;
use ipvs_fuzz::InputKernel;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((file, text)) = input.split_first() else {
        return;
    };
    let Some(client) = InputKernel::new(text).client(Interface::Netlink) else {
        return;
    };
    match file % 5 {
        0 => {
            let Ok(mut connections) = client.connections() else {
                return;
            };
            while let Ok(Some(connection)) = connections.next_connection() {
                let _ = serde_json::to_string(&connection);
            }
        }
        1 => {
            let Ok(mut file) = client.table_file() else {
                return;
            };
            while let Ok(Some(entry)) = file.next_entry() {
                let _ = format!("{entry:?}");
            }
        }
        2 => {
            let Ok(mut file) = client.whole_table_file() else {
                return;
            };
            while let Ok(Some(entry)) = file.next_entry() {
                let _ = format!("{entry:?}");
            }
        }
        3 => {
            let _ = client.total_stats();
        }
        _ => {
            let _ = client.received_connections();
        }
    }
});
