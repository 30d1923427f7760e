include "answer.lua\0../../lab/tests/secret.lua"
