// Package crossing holds the tests of what people with clients of different protocols see of each other: the stories of
// dialecttest, played between any two dialects on one core, one hub and one listener. What belongs to one protocol alone is
// tested in its package.
package crossing
