// SPDX-License-Identifier: MIT

//! A client of a kernel that answers from a script.

use crate::Client;
pub(super) use crate::testing::{
    FakeKernel,
    scripted::{Answer, acknowledged, dumped, family_found, refused, replied, swallowed},
    wire::{FAMILY, Message, Request, part},
};

/// A client that has found its family, and the kernel that has answers for
/// that many more requests.
pub(super) fn client_with<const N: usize>(answers: [Vec<Answer>; N]) -> (Client, FakeKernel) {
    let kernel = FakeKernel::scripted([vec![family_found(&[])], answers.to_vec()].concat());
    let client = Client::with_kernel(kernel.clone()).unwrap();
    kernel.forget_requests();
    (client, kernel)
}
