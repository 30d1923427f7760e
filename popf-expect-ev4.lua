expect.events("resume", 1, "the hypervisor returned to the guest")
