print(']]>\0\1\8\xff\xfe</failure></testcase><testcase name="x"/>') function answer() error(']]>\0\xff<&"') end
