echo Who is there?; ls; ls -l bin | wc; cat motd; cat < motd | wc; primes 100 > /list; wc list; cat list list | wc; rm list;
cat nothing || echo no such file; cd bin && cat ../motd | cat | cat | wc; cd; sh demo; ps; grep ^spin README; sieve 100000;
sleep 5 && echo slept; cow; forktest; pipes; spin; files; hostile; crash; chaos 7; echo this is the end
