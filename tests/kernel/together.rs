// SPDX-License-Identifier: MIT

//! Many programs that change one table at the same time. Every entry that is seen
//! meanwhile is one that somebody has written: its settings belong together.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use ipvs_client::{Client, Destination, Service};
use ipvs_lab::{Namespace, soak};

use crate::{chance::Chance, ipvsadm, namespace};

/// Programs at once, and what each starts in a quick test.
const WRITERS: usize = 64;
const ROUNDS: usize = 3;
/// The length of the soak.
const LONG: Duration = Duration::from_secs(600);

const SERVICES: usize = 8;
const SERVERS: usize = 6;
const SCHEDULERS: [&str; 4] = ["rr", "wrr", "lc", "wlc"];
/// The upper threshold is the weight and this.
const ABOVE: usize = 1000;

fn service(number: usize) -> String {
    format!("-t 10.0.0.{}:80", number + 1)
}

/// The settings of a service, all of which follow from one number.
fn service_settings(value: usize) -> String {
    format!("-s {} -p {value}", SCHEDULERS[value % SCHEDULERS.len()])
}

fn server(service_number: usize, number: usize, value: usize) -> String {
    let name = service(service_number);
    let (upper, lower) = (value + ABOVE, value);
    format!(
        "{name} -r 10.1.0.{}:80 -m -w {value} -x {upper} -y {lower}",
        number + 1
    )
}

/// The rules of one service with some of its servers.
fn rules(chance: &mut Chance, number: usize) -> String {
    let value = chance.below(99) + 1;
    let mut rules = format!("-A {} {}\n", service(number), service_settings(value));
    for each in 0..SERVERS {
        if chance.percent(70) {
            let value = chance.below(99) + 1;
            rules += &format!("-a {}\n", server(number, each, value));
        }
    }
    rules
}

/// The words and the input of a program.
fn choose(chance: &mut Chance) -> (String, String) {
    let number = chance.below(SERVICES);
    let name = service(number);
    let value = chance.below(99) + 1;
    let one_server = server(number, chance.below(SERVERS), value);
    let nothing = String::new();
    match chance.below(8) {
        0 => (format!("-E {name} {}", service_settings(value)), nothing),
        1 => (format!("-e {one_server}"), nothing),
        2 => (format!("-D {name}"), nothing),
        3 => (format!("-a {one_server}"), nothing),
        4 | 5 => ("-R --exist".to_owned(), rules(chance, number)),
        _ => (format!("--apply --wait {name}"), rules(chance, number)),
    }
}

/// Returns what is wrong with an entry that nobody has written.
fn find_mixture(service: &Service, servers: &[Destination]) -> Option<String> {
    let timeout = service
        .settings
        .persistence
        .map(|persistence| persistence.timeout);
    let value = usize::try_from(timeout.unwrap_or_default()).unwrap();
    if value == 0 || service.settings.scheduler != SCHEDULERS[value % SCHEDULERS.len()] {
        return Some(format!("{service:?}"));
    }
    servers.iter().find_map(|server| {
        let settings = server.settings;
        let weight = settings.weight;
        let above = u32::try_from(ABOVE).unwrap();
        let belongs = weight > 0
            && settings.upper_threshold == weight + above
            && settings.lower_threshold == weight;
        (!belongs).then(|| format!("{server:?} of {:?}", service.id))
    })
}

#[test]
fn every_entry_is_one_that_a_program_has_written() {
    let director = namespace("director");
    let is_over = AtomicBool::new(false);
    let statuses = Mutex::new(BTreeMap::new());
    let (looks, entries) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let look = || {
        let mut client = Client::open().unwrap();
        while !is_over.load(Ordering::Relaxed) {
            for service in client.services().unwrap() {
                // Somebody may have removed it.
                let servers = client.destinations(&service.id).unwrap_or_default();
                assert_eq!(find_mixture(&service, &servers), None);
                entries.fetch_add(1 + servers.len(), Ordering::Relaxed);
            }
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let looking = scope.spawn(|| director.run(look).unwrap());
        let work = |writer: usize| write(&director, writer, &statuses);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || work(writer)))
            .collect();
        let ends: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        looking.join().unwrap();
        ends.into_iter().for_each(|end| end.unwrap());
    });
    let statuses = statuses.into_inner().unwrap();
    let programs: usize = statuses.values().sum();
    let figures = format!(
        "together: {programs} programs, {WRITERS} at a time, with these exit statuses: \
         {statuses:?}; {} looks at {} entries, 0 that nobody has written",
        looks.into_inner(),
        entries.into_inner()
    );
    println!("{figures}");
    soak::tell(&figures);
    // The table is one like any other.
    let rules = rules(&mut Chance::new(1, WRITERS as u64), 0);
    let answer = ipvs_lab::ipvsadm_reading(&director, ["--apply"], &rules).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(ipvsadm(&director, "-S -n"), rules);
}

/// Starts programs one after the other, and counts their exit statuses.
fn write(director: &Namespace, writer: usize, statuses: &Mutex<BTreeMap<u8, usize>>) {
    let mut chance = Chance::new(1, writer as u64);
    let mut span = soak::Span::new(ROUNDS, LONG);
    while let Some(round) = span.next_round() {
        let (words, input) = choose(&mut chance);
        let words = words.split(' ');
        let answer = ipvs_lab::ipvsadm_reading(director, words, &input).unwrap();
        // 1: others have changed what --apply wrote. 255: the kernel has refused it.
        assert!([0, 1, 255].contains(&answer.status), "{answer:?}");
        // Of -R, the last rule decides.
        assert!(
            answer.status == 0 || !answer.stderr.is_empty(),
            "{answer:?}"
        );
        *statuses.lock().unwrap().entry(answer.status).or_insert(0) += 1;
        if writer == 0 && round % 100 == 0 {
            soak::tell(&format!(
                "together: round {round} of the first of {WRITERS}"
            ));
        }
    }
}
