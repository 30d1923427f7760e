---@meta ringside
-- What Ringside's scripts may call, for editors (LuaLS, https://luals.github.io): completion, hover, and a warning for a misspelt name.
-- `ringside lab start` puts it beside a lab, with a .luarc.json that names it. tests/unit/script_words_test.c holds it equal to the bindings in C.
-- Manuals: docs/lua.md (till, expect, vm), docs/grading.md (test, t), the labs' README.md (vmm, isa).

---@class till.condition

--- What to run until: conditions are plain tables, to be kept, compared and shown.
---@class till
till = {}
---@param vector? string|integer "GP", 13, "IRQ"; none: any
---@return till.condition
function till.trap(vector) end
---@param reason? string "privileged", "port", ...
---@return till.condition
function till.exit(reason) end
---@param kind string
---@param filter? table one field
---@return till.condition
function till.event(kind, filter) end
---@param at string|integer guest code is about to execute there
---@return till.condition
function till.label(at) end
---@param mnemonic string
---@return till.condition
function till.insn(mnemonic) end
---@param at string|integer the word there changed: by a store, at once; by other ways (DMA, another page mapped there), 256 instructions later at most
---@return till.condition
function till.write(at) end
---@param ring integer
---@return till.condition
function till.ring(ring) end
---@param n number since the start of the machine
---@return till.condition
function till.cycles(n) end
---@param n number since the start of the machine
---@return till.condition
function till.insns(n) end
---@return till.condition
function till.guest() end
---@param mnemonic? string a sensitive instruction went wrong without a trap
---@return till.condition
function till.silent(mnemonic) end
--- Never: to the end of the run.
---@return till.condition
function till.stop() end
---@param list till.condition[]
---@return till.condition
function till.any(list) end
---@param list till.condition[]
---@return till.condition
function till.all(list) end

--- Claims of a step; each is recorded, whether it holds or not.
---@class expect
expect = {}
---@param got any
---@param want any
---@param message? string
---@return boolean
function expect.eq(got, want, message) end
---@param got any
---@param want any
---@param message? string
---@return boolean
function expect.equal(got, want, message) end
---@param got any
---@param want any
---@param message? string
---@return boolean
function expect.ne(got, want, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.lt(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.le(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.gt(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.ge(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.at_most(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function expect.at_least(got, limit, message) end
---@param value any
---@param message? string
---@return boolean
function expect.ok(value, message) end
---@param got number
---@param want number
---@param within number
---@param message? string
---@return boolean
function expect.near(got, want, within, message) end
---@param text string
---@param pattern string
---@param message? string
---@return boolean
function expect.match(text, pattern, message) end
---@param what table
---@param message? string
---@return boolean
function expect.silent(what, message) end
---@param message? string
---@return boolean
function expect.no_silent(message) end
---@param what string|table
---@param n integer
---@param message? string
---@return boolean
function expect.events(what, n, message) end

--- The real CPU's flags, as numbers.
---@class vm.flags
---@field CF integer
---@field PF integer
---@field AF integer
---@field ZF integer
---@field SF integer
---@field TF integer
---@field IF integer
---@field DF integer
---@field OF integer
---@field IOPL integer
---@field NT integer
---@field RF integer
---@field VM integer
---@field AC integer
---@field VIF integer
---@field VIP integer
---@field ID integer

--- What the guest was made to believe.
---@class vm.guest
---@field eax integer
---@field ecx integer
---@field edx integer
---@field ebx integer
---@field esp integer
---@field ebp integer
---@field esi integer
---@field edi integer
---@field eip integer
---@field eflags integer
---@field cr0 integer
---@field cr2 integer
---@field cr3 integer
---@field cr4 integer
---@field cpl integer
---@field iopl integer
---@field es integer
---@field cs integer
---@field ss integer
---@field ds integer
---@field fs integer
---@field gs integer
---@field ldtr integer
---@field tr integer
---@field gdt_base integer
---@field gdt_limit integer
---@field idt_base integer
---@field idt_limit integer
---@field vIF boolean|integer
---@field IF boolean|integer
---@field halted boolean
---@field flags vm.flags

--- The machine, as a step or a test sees it.
---@class vm
---@field eax integer can be set
---@field ecx integer can be set
---@field edx integer can be set
---@field ebx integer can be set
---@field esp integer can be set
---@field ebp integer can be set
---@field esi integer can be set
---@field edi integer can be set
---@field eip integer can be set
---@field eflags integer can be set
---@field cr0 integer
---@field cr2 integer
---@field cr3 integer
---@field cr4 integer
---@field cpl integer
---@field iopl integer
---@field es integer
---@field cs integer
---@field ss integer
---@field ds integer
---@field fs integer
---@field gs integer
---@field ldtr integer
---@field tr integer
---@field gdt_base integer
---@field gdt_limit integer
---@field idt_base integer
---@field idt_limit integer
---@field cycles integer
---@field instructions integer
---@field ended boolean
---@field exit_code integer?
---@field why string
---@field place "user"|"kernel"|"hypervisor"
---@field kernel_ring integer
---@field virtual boolean
---@field last table?
---@field serial string
---@field insn table?
---@field flags vm.flags
---@field guest vm.guest
---@field costs table<string, integer> cycles by cause
---@field exits table<string, integer> visits by reason, and total
---@field shadow table<string, integer>
---@field memory table
---@field io table
---@field vms integer
---@field now integer
---@field migration table?
---@field hosted table?
local vm = {}
---@param at string|integer
---@return integer?
function vm:u8(at) end
---@param at string|integer
---@return integer?
function vm:u16(at) end
---@param at string|integer
---@return integer?
function vm:u32(at) end
---@param at string|integer
---@param n? integer
---@return string?
function vm:bytes(at, n) end
---@param at integer
---@param n? integer
---@return string?
function vm:phys(at, n) end
---@param at integer
---@param n? integer
---@return string?
function vm:machine(at, n) end
---@param at string|integer
---@param value integer
---@return boolean
function vm:poke(at, value) end
---@param at string|integer
---@param access? string
---@param ring? integer
---@return table
function vm:translate(at, access, ring) end
---@return table
function vm:tlb() end
---@param filter? table
---@return fun(): table?
function vm:events(filter) end
---@param filter? table
---@return fun(): table?
function vm:episodes(filter) end
---@param kind string
---@param filter table|function
---@param handler? function
function vm:on(kind, filter, handler) end
---@param to till.condition|table
---@return table|boolean|nil, string?
function vm:run(to) end
---@param n? integer
---@return table|boolean|nil, string?
function vm:step(n) end
---@param n? integer
---@return boolean
function vm:back(n) end
---@param position integer
---@return boolean
function vm:go(position) end
---@param at integer
---@return string
function vm:symbol(at) end
---@param name string
---@return integer
function vm:find(name) end
---@param at? string|integer
---@return string, integer
function vm:disasm(at) end
---@param at string|integer
---@return table?
function vm:insn_at(at) end
---@param text string
function vm:note(text) end
---@param view string
function vm:show(view) end
---@param n? integer
function vm:look(n) end
---@param n integer
---@return table
function vm:of(n) end

--- A lecture scenario: docs/scenario.md.
---@param what { title: string, lecture?: string, order?: integer, machine?: table, techniques?: string }
function scenario(what) end
---@param file string of the same folder
function include(file) end
---@param lines string as `ringside exec` reads them
---@return table ...
function exec(lines) end

--- A test with points: test "name" { points = 10 } (function(t) ... end)
---@param name string
---@return fun(options: { points?: integer, variants?: integer, visibility?: "visible"|"hidden"|"after_due_date"|"after_published", hint?: string, limit?: { cycles?: number, lua?: number } }): fun(body: fun(t: t))
function test(name) end
---@param board { name: string, order?: "asc"|"desc" }
function leaderboard(board) end

--- What a test gets.
---@class t
---@field submission string what `handlers` of t:boot takes
---@field variant integer from 1
---@field seed integer
---@field experiments integer how often the submission executed something on an invented machine
local t = {}
---@param got any
---@param want any
---@param message? string
---@return boolean
function t:eq(got, want, message) end
---@param got any
---@param want any
---@param message? string
---@return boolean
function t:equal(got, want, message) end
---@param got any
---@param want any
---@param message? string
---@return boolean
function t:ne(got, want, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:lt(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:le(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:gt(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:ge(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:at_most(got, limit, message) end
---@param got any
---@param limit any
---@param message? string
---@return boolean
function t:at_least(got, limit, message) end
---@param value any
---@param message? string
---@return boolean
function t:ok(value, message) end
---@param got number
---@param want number
---@param within number
---@param message? string
---@return boolean
function t:near(got, want, within, message) end
---@param text string
---@param pattern string
---@param message? string
---@return boolean
function t:match(text, pattern, message) end
---@param what table
---@param message? string
---@return boolean
function t:silent(what, message) end
---@param message? string
---@return boolean
function t:no_silent(message) end
---@param what string|table
---@param n integer
---@param message? string
---@return boolean
function t:events(what, n, message) end
--- A machine at its first instruction: the fields of a scenario's machine, poke, handlers.
---@param machine table
---@return vm
function t:boot(machine) end
--- Calls a function of the submission; values go across by copy.
---@param name string
---@param ... any
---@return any ...
function t:call(name, ...) end
---@param what { seed: integer, count?: integer, hybrid?: boolean }
---@return isa
function t:invent(what) end
--- This student's own.
---@param low integer
---@param high integer
---@return integer
function t:number(low, high) end
---@param list any[]
---@return any
function t:pick(list) end
--- What fails inside costs this part only.
---@param name string
---@param weight integer
---@param body fun()
function t:part(name, weight, body) end
---@param value number
---@param full number
---@param none number
---@param text? string
---@return integer
function t:scale(value, full, none, text) end
---@param name string
---@param value number
function t:board(name, value) end
---@param name string
---@param value any
---@param text? string
---@return boolean
function t:sealed(name, value, text) end
--- Such events in this order, whatever lies between.
---@param events table[]
---@return boolean
function t:sequence(events) end
--- It held whenever it must ("shadow-coherent").
---@param name string
---@return boolean
function t:invariant(name) end
--- A front end in every order with a back end (lab split).
---@param what { front: string?, requests: integer?, slots: integer?, buffers: boolean?, one_by_one: boolean?, turns: boolean? }
---@return { states: integer, ends: integer, notifications: integer, wrong: string? }
function t:orders(what) end

---@class isa.state
---@field user boolean
---@field base integer
---@field bound integer
---@field pc integer
---@field timer integer
---@field output integer
---@field r integer[]
---@field memory integer[]
---@field trap "privileged"|"memory"|nil

--- An invented instruction set (lab isa).
---@class isa
---@field names string[]
local isa = {}
--- Executes one instruction; the state after it.
---@param name string
---@param state? table
---@return isa.state
function isa:run(name, state) end
---@param changes? table
---@return isa.state
function isa:state(changes) end
--- In tests only: what the machine judges.
---@param name string
---@return { privileged: boolean, control: boolean, mode: boolean, location: boolean, user: boolean }
function isa:nature(name) end

--- The virtual CPU's system state (lab trap).
---@class vmm.guest
---@field vIF integer 0 or 1
---@field cr0 integer
---@field cr2 integer
---@field cr3 integer
---@field cr4 integer

--- What a handler gets; valid only while it runs. Every use is charged in cycles.
---@class vmm.vm
---@field eax integer
---@field ecx integer
---@field edx integer
---@field ebx integer
---@field esp integer
---@field ebp integer
---@field esi integer
---@field edi integer
---@field eip integer
---@field eflags integer
---@field ring integer the ring that the guest believes to be in
---@field iopl integer
---@field guest vmm.guest
local vmm_vm = {}
--- The instruction is done: go on behind it.
---@param insn vmm.insn
function vmm_vm:skip(insn) end
--- The guest's own exception.
---@param exception string|integer
---@param code? integer
---@param address? integer
function vmm_vm:inject(exception, code, address) end
--- Wait for an interrupt.
function vmm_vm:halt() end
---@param port integer
---@param size integer
---@return integer
function vmm_vm:port_in(port, size) end
---@param port integer
---@param size integer
---@param value integer
function vmm_vm:port_out(port, size, value) end
--- The guest's memory; nil if it is not mapped.
---@param address integer
---@param size integer
---@return integer?
function vmm_vm:read(address, size) end

--- An entry of the guest's page tables at a physical address; nil: no memory is there.
---@param address integer
---@return integer?
function vmm_vm:table(address) end
--- Sets A, or A and D, in an entry of the guest's page tables.
---@param address integer
---@param bit "accessed"|"dirty"
function vmm_vm:mark(address, bit) end
--- The machine frame behind a guest page; nil: no memory is there.
---@param page integer
---@return integer?
function vmm_vm:p2m(page) end
--- An entry of the shadow tables. False: stores to that frame are traced, so it cannot be written to through this.
---@param address integer
---@param frame integer
---@param rights? { write: boolean?, user: boolean? }
---@return boolean
function vmm_vm:shadow_map(address, frame, rights) end
---@param address integer
---@param space? integer of other tables than those in use
function vmm_vm:shadow_unmap(address, space) end
--- In vmm.cr3: whose shadow tables the directory that is being loaded gets.
---@param number integer 0 to 15
function vmm_vm:shadow_space(number) end
--- No shadow entries any more, in any space.
function vmm_vm:shadow_flush() end
--- Stores to this guest page shall fault, or no longer.
---@param page integer
---@param on? boolean
function vmm_vm:trace(page, on) end
--- In vmm.page_fault: the hypervisor's emulator shall carry out the instruction.
function vmm_vm:emulate() end

---@class vmm.fault
---@field va integer
---@field write boolean
---@field user boolean by a user program
---@field present boolean the shadow entry was there, and too strict

---@class vmm.insn
---@field mnemonic string
---@field is fun(mnemonic: string): boolean
---@field length integer
---@field port integer? IN, OUT
---@field size integer? IN, OUT
---@field cr integer? MOV CR
---@field reg string? MOV CR
---@field write boolean? MOV CR

---@class vmm
---@field gp fun(vm: vmm.vm, insn: vmm.insn)
---@field page_fault fun(vm: vmm.vm, f: vmm.fault)
---@field cr3 fun(vm: vmm.vm, value: integer) the guest is about to load CR3; with it shadows stay
---@field stored fun(vm: vmm.vm, address: integer, size: integer) a store to a traced page was carried out
vmm = {}

--- A translation in the making (lab translation); valid only while its rule runs. Every piece is charged.
---@class bt.emit
local bt_emit = {}
--- The instruction as it is, and nothing else.
function bt_emit:copy() end
--- The hypervisor emulates it, and nothing else is emitted.
function bt_emit:callout() end
--- A general register of the guest's, to have one: eax, ecx, edx, ebx.
---@param register string
function bt_emit:save(register) end
---@param register string
function bt_emit:restore(register) end
--- From the virtual CPU: "vif" (0 or 200h), "vrest" (the guest's IOPL and other flags that are not real).
---@param register string
---@param what "vif"|"vrest"
function bt_emit:load(register, what) end
---@param what "vif"
---@param register string
function bt_emit:store(what, register) end
---@param what "vif"
---@param value 0|1
function bt_emit:set(what, value) end
--- One harmless instruction, in hexadecimal.
---@param code string
function bt_emit:bytes(code) end
--- Leaves for the hypervisor, which emulates, if an interrupt waits. Takes ecx, leaves the flags alone.
function bt_emit:callout_if_waiting() end
--- The same if any of these bits is set. Takes the arithmetic flags.
---@param register string
---@param mask integer
function bt_emit:callout_if(register, mask) end
--- With the last piece the guest's instruction is done.
function bt_emit:done() end

---@class bt.insn
---@field mnemonic string
---@field is fun(mnemonic: string): boolean
---@field length integer
---@field size integer of its operand
---@field memory boolean is that in memory

---@class bt
bt = {}
---@param mnemonic string
---@param rule fun(insn: bt.insn, emit: bt.emit)
function bt.rule(mnemonic, rule) end

--- A split driver's ring, as a front end sees it (lab split). Each call but got is one step.
---@class ring
---@field slots integer
local ring = {}
---@alias ring.word "req_prod"|"req_event"|"rsp_prod"|"rsp_event"
---@param word ring.word
---@return integer
function ring:load(word) end
---@param word ring.word
---@param value integer 0 to 255
function ring:store(word, value) end
--- What is in a slot.
---@param slot integer 0 to slots - 1
---@return integer
function ring:read(slot) end
---@param slot integer
---@param value integer
function ring:write(slot, value) end
--- Waits until all stores have reached memory.
function ring:barrier() end
--- Wakes the back end: a hypercall.
function ring:notify() end
--- Until the back end notifies; not at all if it has since the last time.
function ring:sleep() end
--- A response, for whoever waits for it.
---@param value integer
function ring:got(value) end
