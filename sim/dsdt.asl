// The board as ACPI tells it: the power-off sleep state, the PCI bus and how its interrupts are routed, the ISA devices.
//
// sim/dsdt.def holds the bytes that `iasl -tc` makes of this (ACPI 1.0 syntax and tables); tests/guest/tables.sh compares
// them when iasl is installed. ACPI 1.0b chapters 5, 6, 16; PIIX3 data sheet 2.2.6 (PIRQRC).
// PCI slots 2 to 5 are those a card may sit in: pin n of slot s is PIRQ (s - 1 + n) mod 4.
DefinitionBlock ("dsdt.aml", "DSDT", 1, "RNGSDE", "RINGSIDE", 1)
{
    Name (\_S5, Package () { 0, 0, 0, 0 })    // sleep type 0 of the PIIX4 is soft off

    Name (PICF, 0)                            // 1: the system uses the I/O APIC
    Method (\_PIC, 1) { Store (Arg0, PICF) }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0xCF8, 0xCF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0xCF7, 0, 0xCF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0xD00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                             0, 0xA0000, 0xBFFFF, 0, 0x20000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                             0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000)
            })

            Name (PRTP, Package ()            // by the 8259 pair: through the PIIX's router
            {
                Package () { 0x0002FFFF, 0, \_SB.LNKB, 0 }, Package () { 0x0002FFFF, 1, \_SB.LNKC, 0 },
                Package () { 0x0002FFFF, 2, \_SB.LNKD, 0 }, Package () { 0x0002FFFF, 3, \_SB.LNKA, 0 },
                Package () { 0x0003FFFF, 0, \_SB.LNKC, 0 }, Package () { 0x0003FFFF, 1, \_SB.LNKD, 0 },
                Package () { 0x0003FFFF, 2, \_SB.LNKA, 0 }, Package () { 0x0003FFFF, 3, \_SB.LNKB, 0 },
                Package () { 0x0004FFFF, 0, \_SB.LNKD, 0 }, Package () { 0x0004FFFF, 1, \_SB.LNKA, 0 },
                Package () { 0x0004FFFF, 2, \_SB.LNKB, 0 }, Package () { 0x0004FFFF, 3, \_SB.LNKC, 0 },
                Package () { 0x0005FFFF, 0, \_SB.LNKA, 0 }, Package () { 0x0005FFFF, 1, \_SB.LNKB, 0 },
                Package () { 0x0005FFFF, 2, \_SB.LNKC, 0 }, Package () { 0x0005FFFF, 3, \_SB.LNKD, 0 },
            })
            Name (PRTA, Package ()            // by the I/O APIC: inputs 16 to 19
            {
                Package () { 0x0002FFFF, 0, 0, 17 }, Package () { 0x0002FFFF, 1, 0, 18 },
                Package () { 0x0002FFFF, 2, 0, 19 }, Package () { 0x0002FFFF, 3, 0, 16 },
                Package () { 0x0003FFFF, 0, 0, 18 }, Package () { 0x0003FFFF, 1, 0, 19 },
                Package () { 0x0003FFFF, 2, 0, 16 }, Package () { 0x0003FFFF, 3, 0, 17 },
                Package () { 0x0004FFFF, 0, 0, 19 }, Package () { 0x0004FFFF, 1, 0, 16 },
                Package () { 0x0004FFFF, 2, 0, 17 }, Package () { 0x0004FFFF, 3, 0, 18 },
                Package () { 0x0005FFFF, 0, 0, 16 }, Package () { 0x0005FFFF, 1, 0, 17 },
                Package () { 0x0005FFFF, 2, 0, 18 }, Package () { 0x0005FFFF, 3, 0, 19 },
            })
            Method (_PRT, 0)
            {
                If (PICF) { Return (PRTA) }
                Return (PRTP)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (RTER, PCI_Config, 0x60, 4)
                Field (RTER, ByteAcc, NoLock, Preserve) { PRA, 8, PRB, 8, PRC, 8, PRD, 8 }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 2) IRQNoFlags () { 8 } })
                }
                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1)
                        IO (Decode16, 0x64, 0x64, 1, 1)
                        IRQNoFlags () { 1 }
                    })
                }
                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
                }
                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3F8, 0x3F8, 1, 8) IRQNoFlags () { 4 } })
                }
            }
        }

        // One router output: its register holds an IRQ, or bit 7 for none.
        Name (PRSP, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) { 5, 10, 11 } })
        Method (RSTA, 1)
        {
            If (And (Arg0, 0x80)) { Return (0x09) }
            Return (0x0B)
        }
        Method (RCRS, 1, Serialized)
        {
            Name (BUF, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) { 5 } })
            CreateWordField (BUF, 1, IRQM)
            Store (0, IRQM)
            If (LNot (And (Arg0, 0x80))) { ShiftLeft (1, And (Arg0, 0x0F), IRQM) }
            Return (BUF)
        }
        Method (RIRQ, 1)                      // the IRQ that a resource asks for
        {
            CreateWordField (Arg0, 1, IRQM)
            FindSetRightBit (IRQM, Local0)
            Return (Subtract (Local0, 1))
        }
        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 1)
            Method (_STA, 0) { Return (RSTA (\_SB.PCI0.ISA.PRA)) }
            Method (_PRS, 0) { Return (PRSP) }
            Method (_CRS, 0) { Return (RCRS (\_SB.PCI0.ISA.PRA)) }
            Method (_SRS, 1) { Store (RIRQ (Arg0), \_SB.PCI0.ISA.PRA) }
            Method (_DIS, 0) { Or (\_SB.PCI0.ISA.PRA, 0x80, \_SB.PCI0.ISA.PRA) }
        }
        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Method (_STA, 0) { Return (RSTA (\_SB.PCI0.ISA.PRB)) }
            Method (_PRS, 0) { Return (PRSP) }
            Method (_CRS, 0) { Return (RCRS (\_SB.PCI0.ISA.PRB)) }
            Method (_SRS, 1) { Store (RIRQ (Arg0), \_SB.PCI0.ISA.PRB) }
            Method (_DIS, 0) { Or (\_SB.PCI0.ISA.PRB, 0x80, \_SB.PCI0.ISA.PRB) }
        }
        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Method (_STA, 0) { Return (RSTA (\_SB.PCI0.ISA.PRC)) }
            Method (_PRS, 0) { Return (PRSP) }
            Method (_CRS, 0) { Return (RCRS (\_SB.PCI0.ISA.PRC)) }
            Method (_SRS, 1) { Store (RIRQ (Arg0), \_SB.PCI0.ISA.PRC) }
            Method (_DIS, 0) { Or (\_SB.PCI0.ISA.PRC, 0x80, \_SB.PCI0.ISA.PRC) }
        }
        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Method (_STA, 0) { Return (RSTA (\_SB.PCI0.ISA.PRD)) }
            Method (_PRS, 0) { Return (PRSP) }
            Method (_CRS, 0) { Return (RCRS (\_SB.PCI0.ISA.PRD)) }
            Method (_SRS, 1) { Store (RIRQ (Arg0), \_SB.PCI0.ISA.PRD) }
            Method (_DIS, 0) { Or (\_SB.PCI0.ISA.PRD, 0x80, \_SB.PCI0.ISA.PRD) }
        }
    }
}
