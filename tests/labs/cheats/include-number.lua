include(42) include(nil) include({})
