function answer() ::again:: goto again end
