"""How the sample of T 社区 is made: invented places, people and papers, all from one seed."""
