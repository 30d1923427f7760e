main:
    say "hello "
    mov dl, [drive]
    mov dh, 0
    show dx
    mov ax, 0x0100 + '!'        // by the serial port
    mov dx, 0
    int 0x14
    done
