echo Who is there?; ls; ls -l bin | wc; cat motd; cat < motd | wc; primes 100 > /list; wc list; cat list list | wc; cat nothing || echo no such file; cd bin && cat ../motd | cat | cat | wc
