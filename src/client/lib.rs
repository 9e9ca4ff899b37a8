//! A client for the IPVS table of the Linux kernel.
