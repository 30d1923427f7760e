print('=cmd|\'/C calc\'!A0') function answer() error('=HYPERLINK("http://x")\n+1,"\n-2') end
