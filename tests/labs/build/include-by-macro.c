#define F(x) </etc/x>
#include F(passwd)
