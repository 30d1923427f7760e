-- Mutants of the solution. `ringside lab selftest port` holds that the tests catch each of them.
bug "no handler for page faults" { from = [[        { VECTOR_PF, 4, KERNEL_CS, (uint32_t)trap_pf },
]], to = "" }
bug "system calls are for the kernel only" { from = [[{ 0x80, 3, KERNEL_CS]], to = [[{ 0x80, 0, KERNEL_CS]] }
bug "no stack for traps from programs" { from = [[    hypercall(CALL_STACK_SWITCH, KERNEL_DS, (uint32_t)kernel_stack_top, 0, 0);
]], to = "" }
bug "no callbacks" { from = [[    hypercall(CALL_SET_CALLBACKS, KERNEL_CS, (uint32_t)event_entry, KERNEL_CS, (uint32_t)failsafe_entry);
]], to = "" }
bug "the shared page is not mapped" { from = [[    hypercall(CALL_UPDATE_VA_MAPPING, (uint32_t)shared_page, start->shared_info | PTE_P | PTE_W, 0, UVMF_INVLPG);
]], to = "" }
bug "interrupts are never off" { from = [[void interrupts_off(void)
{
    shared->vcpu[0].upcall_mask = 1;]], to = [[void interrupts_off(void)
{]] }
bug "what waited is forgotten" { from = [[while (shared->vcpu[0].upcall_pending) {]], to = [[while (0) {]] }
bug "the pending word is not cleared" { from = [[__atomic_fetch_and(&shared->pending[w], ~bits, __ATOMIC_SEQ_CST);]], to = "" }
bug "the timer is set once" { from = [[    uint64_t when = now() + 1000000;]], to = [[    static int again;
    uint64_t when = now() + 1000000;
    if (again++) return;]] }
bug "idle does not wait" { from = [[void idle(void) { hypercall(CALL_SCHED_OP, SCHED_BLOCK, 0, 0, 0); }]], to = [[void idle(void) { }]] }
bug "map believes in physical addresses" { from = [[uint32_t frame = frame_of_page[((uint32_t)page - 0xC0000000) >> 12];]], to = [[uint32_t frame = ((uint32_t)page - 0xC0000000) >> 12;]] }
bug "the TLB remembers" { from = [[frame << 12 | rights, 0, UVMF_INVLPG);]], to = [[frame << 12 | rights, 0, 0);]] }
bug "CR2 is read from the processor" { from = [[return shared->vcpu[0].cr2;]], to = [[uint32_t at; __asm__ volatile("mov %0, cr2" : "=r"(at)); return at;]] }
bug "CLI, too" { from = [[bool interrupts_are_on(void) { ]], to = [[bool interrupts_are_on(void) { __asm__ volatile("cli"); ]] }
bug "it crashes at the end" { from = [[good ? SHUTDOWN_GOOD : SHUTDOWN_CRASH]], to = [[SHUTDOWN_CRASH]] }
