-- A rule for each instruction that cannot run in ring 1 as it is. README.md says what insn and emit can do.
-- What has no rule is copied. As it stands, everything is: the guest sees the hypervisor's world, and loses its interrupts.

bt.rule("popf", function(insn, emit)
  emit:copy()
end)
