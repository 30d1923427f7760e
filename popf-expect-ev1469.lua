expect.events("resume", 66, "the hypervisor returned to the guest")
