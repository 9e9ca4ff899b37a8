// SPDX-License-Identifier: MIT

//! A kernel with IPVS, virtual networks, and the tests that need them.
//!
//! The program `ipvs-lab` (in this tree `cargo lab`) supplies the kernel: the host's
//! own where the caller is root and it has IPVS, otherwise User Mode Linux. See
//! `ipvs-lab --help`. Tests of other crates call [`in_kernel`] for one.
//!
//! # Writing a test that needs a kernel
//!
//! Such tests are modules of the test target `kernel`. `cargo lab test` runs
//! that target inside a kernel; anywhere else its tests fail and say so. Every
//! test makes network namespaces of its own, so that tests run side by side
//! without seeing each other. What each of them has at hand:
//!
//! - [`Namespace`]: a network of one's own. [`Namespace::command`] starts a
//!   program in it, [`Namespace::run`] a closure (a `Client` of `ipvs-client`,
//!   say), [`Namespace::link`] joins two of them by a virtual link,
//!   [`Namespace::ip`] and [`Namespace::sysctl`] configure it.
//! - [`ipvsadm`]: runs this tree's program inside a namespace and returns an
//!   [`Answer`] with standard output, standard error and the exit status;
//!   [`ipvsadm_reading`] gives it something to read.
//! - [`original`] and [`original_reading`]: the same with Debian's ipvsadm 1.31,
//!   where that can be had ([`original_available`]).
//! - [`network::Network`]: a client, one or two directors and boxes for real
//!   servers on virtual links, for every way of forwarding; nothing is set up.
//! - [`talk::Responder`] and [`talk::Conversation`]: servers that tell who they
//!   are and whom they saw, over TCP, UDP and SCTP, and clients that keep
//!   connections open.
//! - [`capture::Capture`]: the packets that arrived at a box, still wrapped.
//! - [`cluster::Cluster`]: such a network with the virtual address and real web
//!   servers, ready for masquerading.
//! - [`machine::Machine`]: where this tree's program is installed as `ipvsadm`,
//!   and the daemons that use it or its kernel tables are installed too.
//! - [`Table`]: rules for a table of any size; [`director_with_connections`]: a
//!   director with any number of connections.
//! - [`load::Load`]: requests that go on while the rules change.
//! - [`clients::Clients`]: many clients at the same time, some of which keep their
//!   connections open; what fails is counted. [`reload::Reload`] has them use a table
//!   that is replaced again and again.
//! - [`comparison::Comparison`]: counts of comparisons with the original, which
//!   `cargo lab test` adds up over its kernels.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let director = ipvs_lab::Namespace::new("director")?;
//! let answer = ipvs_lab::ipvsadm(&director, ["-A", "-t", "192.0.2.1:80", "-s", "rr"])?;
//! assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
//! # Ok(())
//! # }
//! ```

mod bench;
pub mod cli;
mod demo;
mod in_kernel;
mod kernels;
mod networks;
mod output;
pub mod packages;
mod programs;
mod progress;
pub mod reload;
pub mod soak;
mod suite;

pub use bench::connections::director as director_with_connections;
pub use bench::rules::Table;
pub use in_kernel::in_kernel;
pub use networks::netns::Namespace;
pub use networks::{capture, clients, cluster, http, load, network, talk, wait};
pub use packages::{machine, package, root};
pub use programs::answer::{Answer, exit_status};
pub use programs::program::{
    ipvsadm, ipvsadm_reading, original, original_available, original_reading,
};
pub use programs::{comparison, program};
